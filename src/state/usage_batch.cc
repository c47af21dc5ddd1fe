#include "state/usage_batch.h"

#include <iterator>

namespace gateway {

namespace {

constexpr size_t kMaxRows = 50'000;

}  // namespace

void UsageBatch::add(UsageRecord record) {
    const int64_t now = record.unix_milliseconds / 1000;
    if (record.counted > 0 && record.budget_account != Account{}) {
        add_payer(record.budget_account);
    }
    for (const UsageRecord::DayCount &count : record.day_counts) {
        images_[{number_of(Period::day, now), count.account, count.kind, record.key}] +=
            count.images;
    }
    record.day_counts.clear();
    rows_.push_back(std::move(record));
    drop_rows();
}

void UsageBatch::put_first(UsageBatch earlier) {
    payers_.merge(earlier.payers_);
    for (const auto &[key, images] : earlier.images_) {
        images_[key] += images;
    }
    dropped_ += earlier.dropped_;
    earlier.rows_.insert(earlier.rows_.end(), std::move_iterator(rows_.begin()),
                         std::move_iterator(rows_.end()));
    rows_ = std::move(earlier.rows_);
    drop_rows();
}

// The oldest rows stay: those from the beginning of a failure say more than later ones.
void UsageBatch::drop_rows() {
    if (rows_.size() > kMaxRows) {
        dropped_ += rows_.size() - kMaxRows;
        rows_.resize(kMaxRows);
    }
}

}  // namespace gateway

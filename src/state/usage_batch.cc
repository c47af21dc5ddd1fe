#include "state/usage_batch.h"

#include <iterator>

namespace gateway {

namespace {

constexpr size_t kMostRows = 50'000;

}  // namespace

void UsageBatch::add(UsageRecord record) {
    const int64_t now = record.unix_milliseconds / 1000;
    if (record.counted > 0 && !record.key.empty()) {
        for (size_t i = 0; i < kPeriods; ++i) {
            const auto period = static_cast<Period>(i);
            spent_[{record.key, period, number_of(period, now)}] += record.counted;
        }
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
    for (const auto &[key, usd] : earlier.spent_) {
        spent_[key] += usd;
    }
    for (const auto &[key, images] : earlier.images_) {
        images_[key] += images;
    }
    dropped_ += earlier.dropped_;
    earlier.rows_.insert(earlier.rows_.end(), std::move_iterator(rows_.begin()),
                         std::move_iterator(rows_.end()));
    rows_ = std::move(earlier.rows_);
    drop_rows();
}

// The oldest stay: what happened when it began tells more than the hundredth thousandth line.
void UsageBatch::drop_rows() {
    if (rows_.size() > kMostRows) {
        dropped_ += rows_.size() - kMostRows;
        rows_.resize(kMostRows);
    }
}

}  // namespace gateway

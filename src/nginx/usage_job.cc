#include "nginx/usage_job.h"

#include <utility>

#include "core/limits/counted.h"
#include "nginx/usage_restore.h"

namespace gateway {

namespace {

// Converts what the ledger counts to what the state file has.
Balance balance_of(const std::vector<Counted> &counted, int64_t unix_seconds) {
    Balance balance;
    for (const Counted &one : counted) {
        for (size_t i = 0; i < kPeriods; ++i) {
            const auto period = static_cast<Period>(i);
            const CalendarCount &now = one.spent[i];
            const CalendarCount &before = one.spent_before[i];
            const bool same = now.number == before.number;
            if (now.used > 0) {
                balance.spent.push_back(
                    {one.key, period, now.number, now.used + (same ? before.used : 0), now.used});
            }
            if (before.used > 0 && (!same || now.used == 0)) {
                balance.spent.push_back({one.key, period, before.number, before.used, 0});
            }
        }
        const int64_t day = number_of(Period::day, unix_seconds);
        const int64_t images = one.images_day.used_in(day) + one.images_before.used_in(day);
        if (images > 0) {
            balance.images.push_back({one.kind, one.key, one.account, images});
        }
    }
    return balance;
}

}  // namespace

void UsageJob::run(UsageFile &file) {
    try {
        work(file);
    } catch (...) {
        problem = {"no memory", StateProblem::Kind::busy};  // so that it is tried again
    }
    const std::scoped_lock lock(end_mutex_);
    has_ended_ = true;
    end_condition_.notify_all();
}

bool UsageJob::wait_for_end(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(end_mutex_);
    return end_condition_.wait_until(lock, until, [this] { return has_ended_; });
}

void UsageJob::work(UsageFile &file) {
    const std::scoped_lock lock(file.mutex);
    if (written) {
        return;
    }
    if (damage) {
        file.keeper.note_found(*damage);
    }
    const auto opened = open(file);
    const auto done = opened ? work(**opened, file.ledger) : tl::unexpected(opened.error());
    note = file.keeper.take_note();
    if (restores && rebuilds && !note.empty()) {
        note += "; what was used before nginx was started counts only as far as that file has it";
    }
    if (!done) {
        problem = done.error();
        file.keeper.note_failure(problem);
    }
}

// For a rebuild, the ledger's counts replace the batch's. Before the ledger is restored, it may
// count fewer images than the file has.
tl::expected<StateFile *, StateProblem> UsageJob::open(UsageFile &file) {
    if (!rebuilds) {
        return file.keeper.file(expected);
    }
    Balance counted =
        balance_of(counted_in(*file.ledger.memory, file.ledger.budgets), now.unix_seconds);
    if (restores) {
        counted.images.clear();
    }
    return file.keeper.rebuild(counted, memory, now.unix_seconds);
}

tl::expected<void, StateProblem> UsageJob::work(StateFile &file, const LedgerMemory &ledger) {
    // Before the batch is written: the ledger counts its images already.
    if (restores) {
        const auto balance = file.read(now.unix_seconds, memory);
        if (!balance) {
            return tl::unexpected(balance.error());
        }
        Ledger own(*ledger.memory, ledger.budgets);
        sums_without_room = restore_usage(own, *balance, keys, now);
        restored = true;
    }
    if (auto wrote = file.write(batch, memory, sums); !wrote) {
        return wrote;
    }
    written = true;
    if (keep_seconds) {
        const auto more = file.forget(now.unix_seconds, *keep_seconds, memory);
        if (!more) {
            return tl::unexpected(more.error());
        }
        has_more_to_delete = *more;
    }
    return {};
}

}  // namespace gateway

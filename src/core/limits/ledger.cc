#include "core/limits/ledger.h"

#include <algorithm>

#include "core/limits/allowance.h"
#include "core/limits/ledger_lock.h"

namespace gateway {

namespace {

bool is_limited(const PartyShare &share) {
    return share.party.is_limited();
}

// Before the lock is taken: nothing is allocated while it is held.
void make_room_for_reservations(std::span<PartyShare> shares) {
    for (PartyShare &share : shares) {
        if (is_limited(share)) {
            share.reservations.reserve(share.reservations.size() + 1);
        }
    }
}

}  // namespace

size_t Ledger::least_size() {
    return TallyRegion::least_size(64);
}

bool Ledger::prepare(std::span<std::byte> region, bool fresh, uint64_t id) {
    return region.size() >= least_size() && TallyRegion::prepare(region, fresh, id);
}

bool Ledger::prepare_budgets(std::span<std::byte> budgets, bool fresh, uint64_t id) {
    return budgets.size() >= BudgetRegion::least_size(64) &&
           BudgetRegion::prepare(budgets, fresh, id);
}

size_t Ledger::max_budget_records(size_t size) {
    return BudgetTable::capacity(size);
}

tl::expected<Quotas, Exceeded> Ledger::enter(std::span<PartyShare> shares, Moment now,
                                             int32_t process, int64_t lease_milliseconds) {
    if (std::none_of(shares.begin(), shares.end(), is_limited)) {
        return {};
    }
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (auto share = shares.begin(); share != shares.end(); ++share) {
        if (!is_limited(*share)) {
            continue;
        }
        const auto entered = locked.enter(*share, process, now.milliseconds + lease_milliseconds);
        if (!entered) {
            std::for_each(shares.begin(), share,
                          [&](PartyShare &before) { locked.take_back_entering(before); });
            return tl::unexpected(entered.error());
        }
    }
    return locked.quotas();
}

tl::expected<Quotas, Exceeded> Ledger::reserve(std::span<PartyShare> shares, int64_t images,
                                               MicroUsd usd, Moment now) {
    for (const PartyShare &share : shares) {
        if (const auto ever = may_ever_make(share.party, images); !ever) {
            return tl::unexpected(ever.error());
        }
    }
    if (std::none_of(shares.begin(), shares.end(), is_limited)) {
        return {};
    }
    make_room_for_reservations(shares);
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (auto share = shares.begin(); share != shares.end(); ++share) {
        if (!is_limited(*share)) {
            continue;
        }
        if (const auto reserved = locked.reserve(*share, images, usd); !reserved) {
            std::for_each(shares.begin(), share, [&](PartyShare &before) {
                locked.take_back_reserving(before, images, usd);
            });
            return tl::unexpected(reserved.error());
        }
    }
    return locked.quotas();
}

Quotas Ledger::settle(std::span<PartyShare> shares, int64_t images_used, MicroUsd spent,
                      Moment now) noexcept {
    const bool counts_money =
        spent > 0 && std::any_of(shares.begin(), shares.end(), [](const PartyShare &share) {
            return share.party.has_budget_record;
        });
    if (!counts_money && std::none_of(shares.begin(), shares.end(), is_limited)) {
        return {};
    }
    LedgerLock locked(memory_, budget_memory_, now, times_full_);
    for (PartyShare &share : shares) {
        locked.settle(share, images_used, spent);
    }
    return locked.quotas();
}

}  // namespace gateway

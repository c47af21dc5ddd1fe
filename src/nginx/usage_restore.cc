#include "nginx/usage_restore.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/access/parties.h"

namespace gateway {

namespace {

// Of keys that no keys.json has.
constexpr size_t kMaxUnknownSums = 20'000;

enum KeyRank : uint8_t { kHasBudget, kInUse, kUnknown };

KeyRank rank_of(const Balance::Spent &spent, const KeyRings &keys) {
    KeyRank rank = kUnknown;
    for (const auto &ring : keys) {
        if (const Key *key = ring->find_id(spent.key)) {
            rank = std::min(rank, key->budgets.empty() ? kInUse : kHasBudget);
        }
    }
    return rank;
}

}  // namespace

size_t restore_usage(Ledger &ledger, const Balance &balance, const KeyRings &keys, Moment now) {
    std::array<std::vector<const Balance::Spent *>, 3> ranks;
    for (const Balance::Spent &spent : balance.spent) {
        ranks[rank_of(spent, keys)].push_back(&spent);
    }
    const size_t unknown = ranks[kUnknown].size();
    ranks[kUnknown].resize(std::min(unknown, kMaxUnknownSums));
    size_t without_room = unknown - ranks[kUnknown].size();
    for (const auto &rank : ranks) {
        for (const Balance::Spent *spent : rank) {
            const bool has_room = ledger.restore_spent(account_of_key(spent->key), spent->key,
                                                       spent->period, spent->number, spent->usd);
            without_room += has_room ? 0 : 1;
        }
    }
    for (const Balance::Images &images : balance.images) {
        ledger.restore_images(party_named(images.kind, images.key, images.account), images.images,
                              now);
    }
    ledger.end_restoring();
    return without_room;
}

}  // namespace gateway

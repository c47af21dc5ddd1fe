// Entries found by account, in memory that all workers share: each account may stand in one of a
// few places. Plain data; the caller holds the lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/limits/account.h"

namespace gateway {

inline constexpr size_t kWays = 8;  // places where one account may stand

// Entry: plain data, all zero when it is new, with `account` all zero when its place is free.
template <typename Entry>
class SetTable {
 public:
    static constexpr size_t kSetSize = kWays * sizeof(Entry);

    SetTable(Entry *entries, uint32_t sets) : entries_(entries), sets_(sets) {}

    void clear() { std::fill_n(entries_, size_t{sets_} * kWays, Entry{}); }

    Entry *find(const Account &account) const {
        uint8_t place = 0;
        return find(account, place);
    }

    // `place` is a hint: which of its places it stood in last; it may have left it.
    Entry *find(const Account &account, uint8_t &place) const {
        Entry *set = set_of(account);
        if (set[place].account == account) {
            return set + place;
        }
        auto *found = std::find_if(set, set + kWays,
                                   [&](const Entry &entry) { return entry.account == account; });
        if (found == set + kWays) {
            return nullptr;
        }
        place = static_cast<uint8_t>(found - set);
        return found;
    }

    // The places where the account may stand.
    std::span<Entry> places_of(const Account &account) const { return {set_of(account), kWays}; }

    // Room is made by forgetting an account that would lose nothing by it; null when there is none
    // among the places.
    template <typename IsLikeNew>
    Entry *find_or_add(const Account &account, IsLikeNew is_like_new) const {
        if (Entry *entry = find(account)) {
            return entry;
        }
        const std::span<Entry> places = places_of(account);
        auto room = std::find_if(places.begin(), places.end(),
                                 [](const Entry &entry) { return entry.account == Account{}; });
        if (room == places.end()) {
            room = std::find_if(places.begin(), places.end(), is_like_new);
        }
        if (room == places.end()) {
            return nullptr;
        }
        *room = Entry{};
        room->account = account;
        return &*room;
    }

 private:
    Entry *set_of(const Account &account) const { return entries_ + (account[0] % sets_) * kWays; }

    Entry *entries_;
    uint32_t sets_;
};

}  // namespace gateway

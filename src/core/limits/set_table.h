// A table of entries by account, in memory that all workers share. An account has a few possible
// places (a set). Plain data; the caller holds the lock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/limits/account.h"
#include "core/limits/region.h"

namespace gateway {

// Entry: plain data, all zero when it is new, with `account` all zero when its place is free.
template <typename Entry>
class SetTable {
 public:
    // Callers do not know `salt`, and so cannot choose names that share a set.
    SetTable(std::span<Entry> entries, uint64_t salt) : entries_(entries), salt_(salt) {}

    Entry *find(const Account &account) const {
        uint8_t place = 0;
        return find(account, place);
    }

    // `place` is a hint: the place in the set where the entry was last. It may have moved.
    Entry *find(const Account &account, uint8_t &place) const {
        Entry *set = places_of(account).data();
        // std::array would compare by calling memcmp().
        const auto is_it = [&account](const Entry &entry) {
            return entry.account[0] == account[0] && entry.account[1] == account[1];
        };
        if (is_it(set[place])) {
            return set + place;
        }
        auto *found = std::find_if(set, set + kWays, is_it);
        if (found == set + kWays) {
            return nullptr;
        }
        place = static_cast<uint8_t>(found - set);
        return found;
    }

    // The account's possible places.
    std::span<Entry> places_of(const Account &account) const {
        constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;
        uint64_t mixed = (account[0] ^ salt_) * kOdd;
        mixed = (mixed ^ mixed >> 32) * kOdd;
        const size_t set = (mixed >> 32) % (entries_.size() / kWays);
        return entries_.subspan(set * kWays, kWays);
    }

    // A place that is free, or whose entry is like a new one; null if there is none.
    template <typename IsLikeNew>
    Entry *room_for(const Account &account, IsLikeNew is_like_new) const {
        const std::span<Entry> places = places_of(account);
        auto room = std::find_if(places.begin(), places.end(),
                                 [](const Entry &entry) { return entry.account == Account{}; });
        if (room == places.end()) {
            room = std::find_if(places.begin(), places.end(), is_like_new);
        }
        return room == places.end() ? nullptr : &*room;
    }

 private:
    std::span<Entry> entries_;
    uint64_t salt_;
};

}  // namespace gateway

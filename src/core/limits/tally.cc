#include "core/limits/tally.h"

#include <cstring>
#include <type_traits>

namespace gateway {

namespace {

static_assert(std::is_trivially_copyable_v<Tally>);

// Guests of one key take at most so many of the places where an account may stand: who sends
// random names never drives out others', nor keeps them out alone.
constexpr std::ptrdiff_t kMostOfOneOwner = 4;

bool is_free(const Tally &tally) {
    return tally.account == Account{};
}

bool is_like_new(Tally &tally, Moment now) {
    return tally.is_idle(now) && !tally.has_spent(now);
}

template <typename MayGo>
Tally *first(std::span<Tally> places, MayGo may_go) {
    const auto found = std::find_if(places.begin(), places.end(), may_go);
    return found == places.end() ? nullptr : &*found;
}

// With the least to lose.
template <typename MayGo>
Tally *lightest(std::span<Tally> places, Moment now, MayGo may_go) {
    Tally *best = nullptr;
    for (Tally &tally : places) {
        if (may_go(tally) && (best == nullptr || tally.weight(now) < best->weight(now))) {
            best = &tally;
        }
    }
    return best;
}

Tally *place_for_guest(const Account &owner, std::span<Tally> places, Moment now, bool &made_room) {
    const auto is_own = [&](const Tally &tally) {
        return !is_free(tally) && tally.is_guest() && tally.owner == owner;
    };
    const bool has_its_share =
        std::count_if(places.begin(), places.end(), is_own) >= kMostOfOneOwner;
    Tally *place = has_its_share ? nullptr : first(places, is_free);
    if (place == nullptr) {
        place = first(places, [&](Tally &tally) {
            return (!has_its_share || is_own(tally)) && is_like_new(tally, now);
        });
    }
    if (place == nullptr) {
        place = lightest(places, now,
                         [&](const Tally &tally) { return is_own(tally) && !tally.is_held(); });
        made_room = place != nullptr;
    }
    return place;
}

// Keys are as many as the operator wrote down; guests give way to them, and then those that are
// kept only in case their key is given a budget.
Tally *place_for_key(std::span<Tally> places, Moment now, bool &made_room) {
    Tally *place = first(places, is_free);
    if (place == nullptr) {
        place = first(places, [&](Tally &tally) { return is_like_new(tally, now); });
    }
    if (place == nullptr) {
        place = lightest(places, now,
                         [](const Tally &tally) { return tally.is_guest() && !tally.is_held(); });
        made_room = place != nullptr;
    }
    if (place == nullptr) {
        place =
            first(places, [&](Tally &tally) { return !tally.has_budget && tally.is_idle(now); });
    }
    return place;
}

}  // namespace

Dated::Dated(Moment now) : Moment(now) {
    for (size_t i = 0; i < kPeriods; ++i) {
        numbers[i] = number_of(static_cast<Period>(i), now.unix_seconds);
    }
}

void Tally::describe(const Party &party) {
    account = party.account;
    owner = party.owner;
    kind = static_cast<uint8_t>(party.kind);
    key_size = static_cast<uint8_t>(std::min(party.key.size(), kLongestKey));
    std::memcpy(key, party.key.data(), key_size);
}

bool Tally::has_spent(Moment now) const {
    for (size_t i = 0; i < kPeriods; ++i) {
        if (spent[i].is_used(number_of(static_cast<Period>(i), now.unix_seconds))) {
            return true;
        }
    }
    return false;
}

bool Tally::is_idle(Moment now) {
    return !is_held() && requests.used(second_of(now)) == 0 && images.used(second_of(now)) == 0 &&
           !images_day.is_used(number_of(Period::day, now.unix_seconds));
}

int64_t Tally::weight(Moment now) {
    return requests.used(second_of(now)) + images.used(second_of(now)) + images_day.used;
}

void Tally::roll(const Dated &now) {
    images_day.roll(now.number(Period::day));
    for (size_t i = 0; i < kPeriods; ++i) {
        spent[i].roll(now.numbers[i]);
    }
}

void Tally::spend(MicroUsd usd, const Dated &now) {
    roll(now);
    for (CalendarCount &count : spent) {
        count.used += usd;
    }
}

Tally *place_for(const Party &party, std::span<Tally> places, Moment now, bool &made_room) {
    const bool guest = party.kind == Party::Kind::end_user || party.kind == Party::Kind::address;
    return guest ? place_for_guest(party.owner, places, now, made_room)
                 : place_for_key(places, now, made_room);
}

}  // namespace gateway

#include "core/limits/tally.h"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace gateway {

namespace {

static_assert(std::is_trivially_copyable_v<Tally>);

// Guests of one owner take at most so many places of a set, because a tally whose requests run
// cannot be displaced.
constexpr size_t kMaxGuests = 4;

bool is_free(const Tally &tally) {
    return tally.account == Account{};
}

template <typename MayGo>
Tally *first(std::span<Tally> places, MayGo may_go) {
    const auto found = std::find_if(places.begin(), places.end(), may_go);
    return found == places.end() ? nullptr : &*found;
}

size_t places_of(const Account &owner, std::span<const Tally> places) {
    return static_cast<size_t>(std::count_if(places.begin(), places.end(), [&](const Tally &tally) {
        return !is_free(tally) && tally.owner == owner;
    }));
}

// The order of displacement: of the owner with the most places the least used entry, guests before
// keys.
struct Displaceable {
    size_t owners_places;
    bool is_guest;
    int64_t weight;
    [[nodiscard]] bool goes_before(const Displaceable &other) const {
        if (owners_places != other.owners_places) {
            return owners_places > other.owners_places;
        }
        return is_guest != other.is_guest ? is_guest : weight < other.weight;
    }
};

template <typename MayGo>
Tally *first_to_go(std::span<Tally> places, const Dated &now, MayGo may_go) {
    Tally *best = nullptr;
    Displaceable of_best{};
    for (Tally &tally : places) {
        if (tally.is_held() || !may_go(tally)) {
            continue;
        }
        const Displaceable candidate{places_of(tally.owner, places), tally.is_guest(),
                                     tally.weight(now)};
        if (best == nullptr || candidate.goes_before(of_best)) {
            best = &tally;
            of_best = candidate;
        }
    }
    return best;
}

}  // namespace

bool Tally::is_like_new(const Dated &now) const {
    return !is_held() && weight(now) == 0;
}

int64_t Tally::weight(const Dated &now) const {
    return requests.used(second_of(now)) + images.used(second_of(now)) +
           images_on(now.number(Period::day));
}

// An owner with fewer places than its fair share always gets one, unless requests run for all
// others: if one has less than its share, another has more, and loses a place. An owner that has
// its share displaces its own guests. A key's counters are never displaced for its own guests, or
// it could reset them by making up names.
Tally *place_for(const Party &party, std::span<Tally> places, const Dated &now, bool &made_room) {
    const bool guest = party.kind == Party::Kind::end_user || party.kind == Party::Kind::address;
    const auto is_own_guest = [&](const Tally &tally) {
        return tally.is_guest() && tally.owner == party.owner;
    };
    const size_t own = places_of(party.owner, places);
    const auto own_guests =
        static_cast<size_t>(std::count_if(places.begin(), places.end(), is_own_guest));
    const bool may_have_more = !guest || own_guests < kMaxGuests;
    Tally *place = may_have_more ? first(places, is_free) : nullptr;
    if (place == nullptr) {
        place = first(places, [&](const Tally &tally) {
            return (may_have_more || is_own_guest(tally)) && tally.is_like_new(now);
        });
    }
    if (place == nullptr && may_have_more) {
        place = first_to_go(places, now, [&](const Tally &tally) {
            return tally.owner != party.owner && places_of(tally.owner, places) > own;
        });
        made_room = place != nullptr;
    }
    if (place == nullptr) {
        place = first_to_go(places, now, is_own_guest);
        made_room = place != nullptr;
    }
    return place;
}

}  // namespace gateway

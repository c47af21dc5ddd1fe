#include "core/routing/tray.h"

#include <algorithm>
#include <utility>

#include "core/providers/made_facts.h"

namespace gateway {

void Tray::begin(const Candidate &candidate, const Prepared &prepared) {
    candidate_ = &candidate;
    prepared_ = &prepared;
    slots_.clear();
    slots_.resize(static_cast<size_t>(prepared.images()));
}

size_t Tray::count(Slot::State state) const {
    return static_cast<size_t>(std::count_if(
        slots_.begin(), slots_.end(), [=](const Slot &slot) { return slot.state == state; }));
}

void Tray::share_usage(size_t call, const Usage &usage) {
    UsageShares shares(usage);
    size_t sharers = 0;
    for (const Slot &slot : slots_) {
        if (slot.is_of(call) && slot.words) {
            shares.take(slot.image.usage);
        } else if (slot.is_of(call)) {
            ++sharers;
        }
    }
    shares.divide(sharers);
    for (Slot &slot : slots_) {
        if (slot.is_of(call) && !slot.words) {
            slot.image.usage = shares.next();
        }
    }
}

Slot &Tray::put(int64_t index, size_t call, Image image) {
    Slot &slot = this->slot(index);
    slot.call = call;
    slot.image = std::move(image);
    slot.image.index = index;
    slot.state = Slot::State::made;
    return slot;
}

}  // namespace gateway

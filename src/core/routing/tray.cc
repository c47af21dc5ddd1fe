#include "core/routing/tray.h"

#include <algorithm>
#include <utility>

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

Slot &Tray::put(int64_t index, size_t call, Image image) {
    Slot &slot = this->slot(index);
    slot.call = call;
    slot.image = std::move(image);
    slot.image.index = index;
    slot.state = Slot::State::made;
    return slot;
}

}  // namespace gateway

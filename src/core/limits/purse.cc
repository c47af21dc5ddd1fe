#include "core/limits/purse.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace gateway {

namespace {

// Which the three quarters that capacity() promises do not need.
constexpr size_t kMostSteps = 4096;

}  // namespace

// Its own, or the free one where it would be added; null when neither is near.
Purse *Purses::place_of(const Account &account) const {
    const std::span<Purse> places = region_.entries();
    size_t place = account[1] % places.size();
    for (size_t step = 0; step < std::min(kMostSteps, places.size()); ++step) {
        Purse &purse = places[place];
        if (purse.account == account || purse.account == Account{}) {
            return &purse;
        }
        place = place + 1 == places.size() ? 0 : place + 1;
    }
    return nullptr;
}

Purse *Purses::find(const Account &account) const {
    Purse *purse = place_of(account);
    return purse == nullptr || purse->account != account ? nullptr : purse;
}

Purse *Purses::find_or_add(const Account &account, std::string_view key) {
    Purse *purse = place_of(account);
    if (purse == nullptr || purse->account == account) {
        return purse;
    }
    // It is there once its account is: whatever this process comes to before that is written anew.
    const std::span<Purse> places = region_.entries();
    if (region_.counter() == places.size()) {
        return nullptr;
    }
    purse->key_size = static_cast<uint8_t>(std::min(key.size(), Purse::kLongestKey));
    std::memcpy(purse->key, key.data(), purse->key_size);
    places[region_.counter()].listed = static_cast<uint32_t>(purse - places.data());
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++region_.counter();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    region_.edit(*purse);
    purse->account = account;
    return purse;
}

}  // namespace gateway

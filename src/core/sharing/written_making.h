// A making whose provider works on jobs, as it is written down, so that another process can go on
// with it when its own has died. Neither the prompt nor any key is among it.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/access/key_ring.h"
#include "core/making/making.h"
#include "core/routing/resumption.h"

namespace gateway {

// Nothing if only this process can go on with the making: it has the original of an exact mask.
// From now on, another process may adopt the order's claim.
std::optional<std::string> write_making(Order &order, const Making &making,
                                        std::span<const TakenCall> taken, const Clock &clock);

// What is not written down, because it is the configuration's. `place` is Order::place.
struct MakingPlace {
    std::shared_ptr<const Hosting> hosting;
    std::shared_ptr<const FetchRules> fetch_rules;
    std::shared_ptr<const KeyRing> keys;  // null: there are none
};

struct WrittenMaking {
    std::shared_ptr<Order> order;  // has adopted the claim
    Resumption resumption;
};

// Empty if the text is not what write_making() has written.
std::string place_of_making(std::string_view text);
// Nothing if it is not, or if the configuration has no such provider any more.
std::optional<WrittenMaking> read_making(std::string_view text, const MakingPlace &place,
                                         const ModelMap &models, Accounts &accounts,
                                         HeldMemory &memory, const Clock &clock);

}  // namespace gateway

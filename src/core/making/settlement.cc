#include "core/making/settlement.h"

#include "core/routing/observer.h"

namespace gateway {

void settle_order(Order &order, const Making *making, const Ports &ports,
                  const Ending &ending) noexcept {
    static const History kNothing;
    Funds &funds = order.funds;
    if (!funds.has_entered()) {
        funds.drop_question();
        return;
    }
    const int64_t images = making == nullptr ? ending.images : making->images_answered();
    if (making != nullptr && images > 0 && !making->is_billed()) {
        funds.pay(images, std::nullopt);  // images were sent before the making broke off
    }
    const History &history = making == nullptr ? kNothing : making->result().history;
    RequestEnd end{.history = history};
    end.unix_seconds = ports.clock.unix_seconds();
    end.request_id = order.request_id;
    end.key = order.caller.id();
    end.account = order.caller.key == nullptr ? Account{} : order.caller.key->account;
    end.end_user = order.end_user;
    end.requested_model = order.requested_model;
    end.images = images;
    end.images_lost = making == nullptr ? 0 : making->images_lost();
    end.cost = making == nullptr ? ending.cost : making->result().bill.cost.usd;
    end.counted = funds.spent(history);
    end.latency = (ports.clock.now() - ending.began).count();
    end.status = ending.status;
    end.outcome = ending.outcome;
    const auto day_counts = funds.settle(end.images, end.images_lost, end.counted);
    end.day_counts = day_counts;
    tell_request_end(ports.observers, end);
}

}  // namespace gateway

#include "nginx/webhooks.h"

#include <utility>

#include "nginx/worker.h"

namespace gateway {

namespace {

Delivery::Parts parts_of(Worker &worker, NgxMessageQueue &queue, CurlWebhooks &client, Log &log,
                         std::vector<std::shared_ptr<const WebhookRules>> rules) {
    Delivery::Parts parts{worker.clock, worker.loop,      worker.random, queue,   client,
                          log,          std::move(rules), is_ending,     nullptr, nullptr};
    if (worker.recorder) {
        parts.count = [&worker](std::string_view outcome, size_t count) {
            worker.recorder->on_messages(outcome, count);
        };
    }
    if (worker.counters && ngx_worker == 0) {
        parts.show_waiting = [&worker](int64_t count) {
            worker.counters->set(ProcessGauge::webhooks_waiting, count);
        };
    }
    return parts;
}

}  // namespace

Webhooks::Webhooks(Worker &worker, CallbackOwner &owner,
                   std::vector<std::shared_ptr<const WebhookRules>> rules)
    : records_(*worker.records),
      queue_(records_, owner),
      client_(worker.engine),
      log_(ngx_cycle->log),
      delivery_(parts_of(worker, queue_, client_, log_, std::move(rules))) {
    records_.on_ends = [this] { delivery_.look_soon(); };
}

Webhooks::~Webhooks() {
    records_.on_ends = nullptr;
}

}  // namespace gateway

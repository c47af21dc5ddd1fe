// Delivers webhook messages in one worker.
#pragma once

#include <memory>

#include "core/webhooks/delivery.h"
#include "nginx/message_queue.h"
#include "nginx/request_ports.h"
#include "upstream/curl_post.h"

namespace gateway {

class Webhooks {
 public:
    // The worker, which owns the callbacks of the queue, must outlive the object, with its records.
    Webhooks(Worker &worker, CallbackOwner &owner,
             std::vector<std::shared_ptr<const WebhookRules>> rules);
    ~Webhooks();
    Webhooks(const Webhooks &) = delete;
    Webhooks &operator=(const Webhooks &) = delete;

 private:
    RecordsQueue &records_;
    NgxMessageQueue queue_;
    CurlWebhooks client_;
    ErrorLog log_;
    Delivery delivery_;
};

}  // namespace gateway

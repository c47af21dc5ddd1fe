// Sends a webhook message to its receiver: without credentials, without redirects, and only to
// allowed addresses.
#pragma once

#include <functional>
#include <memory>

#include "core/webhooks/delivery.h"
#include "upstream/curl_client.h"
#include "upstream/curl_job.h"
#include "upstream/guarded_socket.h"

namespace gateway {

class CurlPost final : public Task, private CurlJob {
 public:
    // `multi`: as for CurlFetch.
    CurlPost(CurlMulti &multi, CallbackOwner &owner, WebhookPost post,
             std::function<void(WebhookResponse)> on_end);
    ~CurlPost() override;
    CurlPost(const CurlPost &) = delete;
    CurlPost &operator=(const CurlPost &) = delete;

 private:
    static size_t on_body(char *bytes, size_t size, size_t count, void *self) noexcept;

    void configure();
    void deliver() override;
    void take_turn() override {}

    WebhookPost post_;
    std::function<void(WebhookResponse)> on_end_;
    GuardedSocket socket_;
    size_t received_ = 0;  // of the body
};

class CurlWebhooks final : public WebhookClient {
 public:
    // The engine must outlive the client.
    explicit CurlWebhooks(CurlEngine &engine) : engine_(engine) {}
    std::unique_ptr<Task> post(WebhookPost post, CallbackOwner &owner,
                               std::function<void(WebhookResponse)> on_end) override;

 private:
    CurlEngine &engine_;
};

}  // namespace gateway

// Delivers webhook messages: one object for each worker. A message belongs to one worker at a time.
//
//   waiting --claim--> attempt --2xx--> delivered
//      ^                  |---410--> gone: nothing more begins to this URL
//      |                  |---else, a day after the first attempt--> given up
//      '---- again -------'
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "core/webhooks/message.h"
#include "core/webhooks/webhook_rules.h"

namespace gateway {

// A POST to an address that a caller has chosen.
struct WebhookPost {
    std::string url;
    std::vector<std::string> headers;  // "Name: value"
    std::string body;
    std::shared_ptr<const FetchRules> addresses;
    std::string ca_file;  // empty: the system's
    Milliseconds connect_timeout{5'000};
    Milliseconds timeout{15'000};
};

// The response's body is not read.
struct WebhookResponse {
    int status = 0;                      // 0: there is none
    std::optional<int64_t> retry_after;  // seconds
    std::string_view problem;            // a fixed text: nothing of the URL is in it
};

class WebhookClient {
 public:
    virtual ~WebhookClient() = default;
    // Follows no redirects. `on_end` is called once, after post() has returned, and not after the
    // task was destroyed.
    virtual std::unique_ptr<Task> post(WebhookPost post, CallbackOwner &owner,
                                       std::function<void(WebhookResponse)> on_end) = 0;
};

class Delivery {
 public:
    struct Parts {
        const Clock &clock;
        EventLoop &loop;
        Random &random;
        MessageQueue &queue;
        WebhookClient &client;
        Log &log;
        std::vector<std::shared_ptr<const WebhookRules>> rules;  // of all locations
        std::function<bool()> is_ending;                         // the process takes no more work
        // Counts ends of attempts, by their name in metrics. May be empty, as the next one.
        std::function<void(std::string_view outcome, size_t count)> count;
        std::function<void(int64_t)> show_waiting;
    };

    explicit Delivery(Parts parts);
    // Attempts in progress are made again, by another worker.
    ~Delivery();
    Delivery(const Delivery &) = delete;
    Delivery &operator=(const Delivery &) = delete;

    // A job has ended in this worker.
    void look_soon() noexcept;

    [[nodiscard]] size_t attempts() const { return attempts_.size(); }

 private:
    class Attempt;

    void look();
    void on_claimed(std::optional<ClaimedMessages> claimed);
    void begin(Message &message);
    void end(Attempt &attempt, const WebhookResponse &response) noexcept;
    void settle(Message &message, const WebhookResponse &response) noexcept;
    void settle(Message &message, MessageEnd::What what, int64_t due = 0) noexcept;
    void tell_no_key();
    [[nodiscard]] std::optional<WebhookPost> post_of(const Message &message) const;
    void tell(const Message &message, LogLevel level, const WebhookResponse &response,
              std::string_view then) noexcept;
    void count(std::string_view outcome, size_t count) noexcept;

    Parts parts_;
    std::string after_;   // the party that had the last turn
    bool waits_ = false;  // messages are due that there was no room for
    std::optional<Milliseconds> counted_;
    std::optional<Milliseconds> told_no_key_;
    std::list<Attempt> attempts_;
    std::unique_ptr<Task> question_;
    std::unique_ptr<Alarm> alarm_;
};

}  // namespace gateway

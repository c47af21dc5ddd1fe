#include "core/webhooks/delivery.h"

#include <algorithm>
#include <utility>

#include "core/webhooks/receiver.h"

namespace gateway {

namespace {

constexpr size_t kMaxAttempts = 32;
constexpr Milliseconds kMessageLook{1'000};
constexpr Milliseconds kLookSoon{20};
constexpr Milliseconds kCountAgain{10'000};
constexpr Milliseconds kLongestAttempt{20'000};
constexpr Milliseconds kTellAgain{60'000};
constexpr int64_t kAgainLater = 60;  // seconds
constexpr int kGone = 410;

bool is_delivered(int status) {
    return status >= 200 && status < 300;
}

}  // namespace

// Ends alone, if something throws.
class Delivery::Attempt final : public CallbackOwner {
 public:
    Attempt(Delivery &delivery, Message message)
        : delivery_(delivery), message(std::move(message)) {}

    void start(WebhookPost post) {
        // Also lets a process that was told to quit wait for the end of the attempt.
        limit_ = delivery_.parts_.loop.start_timer(
            kLongestAttempt, [this] { delivery_.end(*this, {.problem = "timeout"}); });
        task_ = delivery_.parts_.client.post(
            std::move(post), *this,
            [this](const WebhookResponse &response) { delivery_.end(*this, response); });
    }

    void end_by_exception(const char * /*what*/) noexcept override {
        delivery_.end(*this, {.problem = "internal error"});
    }

 private:
    Delivery &delivery_;

 public:
    Message message;

 private:
    std::unique_ptr<Timer> limit_;
    std::unique_ptr<Task> task_;
};

Delivery::Delivery(Parts parts)
    : parts_(std::move(parts)),
      alarm_(parts_.loop.make_alarm([this] { look(); }, TimerKind::idle)) {
    alarm_->set(Milliseconds(0));
}

Delivery::~Delivery() {
    for (Attempt &attempt : attempts_) {
        settle(attempt.message, MessageEnd::What::again);  // at once
    }
}

void Delivery::look_soon() noexcept {
    alarm_->set(Milliseconds(0));
}

void Delivery::look() {
    alarm_->set(kMessageLook);
    if (parts_.is_ending()) {
        if (parts_.show_waiting) {
            parts_.show_waiting(0);  // another process counts them now
        }
        return;
    }
    if (question_ != nullptr || attempts_.size() >= kMaxAttempts) {
        return;
    }
    MessageClaim claim;
    claim.room = kMaxAttempts - attempts_.size();
    claim.after = after_;
    const Milliseconds now = parts_.clock.now();
    if (parts_.show_waiting && (!counted_ || now - *counted_ >= kCountAgain)) {
        counted_ = now;
        claim.counts = true;
    }
    question_ = parts_.queue.claim(
        std::move(claim),
        [this](std::optional<ClaimedMessages> claimed) { on_claimed(std::move(claimed)); });
}

void Delivery::on_claimed(std::optional<ClaimedMessages> claimed) {
    const auto question = std::move(question_);
    if (!claimed) {
        return;
    }
    after_ = std::move(claimed->after);
    waits_ = claimed->more || claimed->blocked;
    if (claimed->waiting) {
        parts_.show_waiting(*claimed->waiting);
    }
    count("gone", claimed->dropped);
    for (Message &message : claimed->messages) {
        try {
            begin(message);
        } catch (...) {  // no memory
            settle(message, MessageEnd::What::again, parts_.clock.unix_seconds() + kAgainLater);
        }
    }
    if (claimed->more && attempts_.size() < kMaxAttempts) {
        alarm_->set(kLookSoon);
    }
}

void Delivery::begin(Message &message) {
    auto post = post_of(message);
    if (!post) {
        tell_no_key();
        settle(message, {.problem = "there is no key to sign it with"});
        return;
    }
    const auto attempt = attempts_.emplace(attempts_.end(), *this, std::move(message));
    run_for(static_cast<CallbackOwner &>(*attempt), [&] { attempt->start(std::move(*post)); });
}

void Delivery::tell_no_key() {
    const Milliseconds now = parts_.clock.now();
    if (!told_no_key_ || now - *told_no_key_ >= kTellAgain) {
        told_no_key_ = now;
        parts_.log.write(
            LogLevel::error,
            "image gateway: there are webhook messages whose image_gateway_webhook_key "
            "is not configured any more, or is not known; they wait");
    }
}

// A message of a location that is configured in another way now is sent only to public addresses.
std::optional<WebhookPost> Delivery::post_of(const Message &message) const {
    const std::string_view wanted = message.rules;
    const std::string_view key_file = wanted.substr(0, wanted.find('\n'));
    const WebhookRules *rules = nullptr;
    for (const auto &one : parts_.rules) {
        if (one->key_file == key_file && (rules == nullptr || one->name == wanted)) {
            rules = one.get();
        }
    }
    const auto keys = rules == nullptr ? nullptr : rules->source->keys;
    if (keys == nullptr) {
        return std::nullopt;
    }
    const int64_t now = parts_.clock.unix_seconds();
    WebhookPost post;
    post.url = message.url;
    post.body = write_message(message);
    post.headers = {
        "Content-Type: application/json", "webhook-id: " + message.id,
        "webhook-timestamp: " + std::to_string(now),
        "webhook-signature: " + keys->signatures(message.caller, message.id, now, post.body)};
    post.addresses =
        rules->name == wanted ? rules->addresses : std::make_shared<const FetchRules>();
    post.ca_file = rules->ca_file;
    return post;
}

void Delivery::end(Attempt &attempt, const WebhookResponse &response) noexcept {
    settle(attempt.message, response);
    attempts_.remove_if([&](const Attempt &one) { return &one == &attempt; });
    if (waits_) {
        alarm_->set(Milliseconds(0));
    }
}

void Delivery::settle(Message &message, const WebhookResponse &response) noexcept {
    if (is_delivered(response.status)) {
        count("delivered", 1);
        settle(message, MessageEnd::What::delivered);
        return;
    }
    if (response.status == kGone) {
        count("gone", 1);
        tell(message, LogLevel::warn, response, "no more messages are sent to this URL");
        settle(message, MessageEnd::What::gone);
        return;
    }
    const int64_t now = parts_.clock.unix_seconds();
    std::optional<int64_t> due = now + kAgainLater;
    try {
        due = next_attempt(message, now, response.retry_after, parts_.random);
    } catch (...) {  // no random numbers
    }
    count(due ? "failed" : "given_up", 1);
    if (due) {
        tell(message, LogLevel::info, response, "it will be sent again");
        settle(message, MessageEnd::What::again, *due);
    } else {
        tell(message, LogLevel::warn, response, "it is given up");
        settle(message, MessageEnd::What::given_up);
    }
}

// The last use of the message: this allocates no memory.
void Delivery::settle(Message &message, MessageEnd::What what, int64_t due) noexcept {
    MessageEnd end;
    end.id = std::move(message.id);
    end.what = what;
    end.due = due;
    parts_.queue.end(std::move(end));
}

void Delivery::tell(const Message &message, LogLevel level, const WebhookResponse &response,
                    std::string_view then) noexcept {
    try {
        std::string line("image gateway: webhook message ");
        line.append(message.id).append(" to ").append(origin_of_receiver(message.url));
        line.append(": ");
        if (response.status != 0) {
            line.append("status ").append(std::to_string(response.status));
        } else {
            line.append(response.problem);
        }
        line.append(", attempt ").append(std::to_string(message.attempts)).append("; ");
        line.append(then);
        parts_.log.write(level, line);
    } catch (...) {  // a line that there is no memory for
    }
}

void Delivery::count(std::string_view outcome, size_t count) noexcept {
    try {
        if (parts_.count && count > 0) {
            parts_.count(outcome, count);
        }
    } catch (...) {  // no memory for a new row
    }
}

}  // namespace gateway

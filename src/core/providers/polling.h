// Polls a provider's job until it ends. A dialect declares how (PollRules), and one poller serves
// all dialects. If the result has an address of its own, it is fetched from there. Failed polls and
// fetches are repeated; a submit never is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "core/json/document.h"
#include "core/outcome.h"
#include "core/ports.h"

namespace gateway {

struct PollState {
    std::string_view name;  // in any case
    OutcomeType outcome;    // pending, or how the job ended
};

struct PollRules {
    Milliseconds first{500};  // before the first poll; grows with each
    Milliseconds longest{5'000};
    int growth_percent = 130;
    Milliseconds grace{0};  // after a submit, in which the job may not be found yet
    std::span<const std::string_view> state_fields;  // the first that is present counts
    std::span<const PollState> states;               // any other state is `pending`
    // Hosts besides the configured one that the key may be sent to, as in core/net/origin.
    std::span<const std::string_view> own_hosts = {};
};

// The state of the job by its document; nothing if the document has none.
std::optional<OutcomeType> state_of(JsonValue root, const PollRules &rules);

class Poller {
 public:
    // Functions of the dialect: make a poll; read the document of a job that has ended, or its
    // result.
    using Ask = std::function<HttpCall()>;
    using Read = std::function<Outcome(const HttpResponse &, JsonValue root, OutcomeType state)>;

    // `on_end` is called once, never from within the constructor. `fetch` is null where the job's
    // document contains the result. To destroy the poller stops it.
    Poller(const Ports &ports, const PollRules &rules, std::optional<Milliseconds> wait, Ask ask,
           Read read, std::function<void(const HttpResponse &, Outcome)> on_end,
           Ask fetch = nullptr);
    Poller(const Poller &) = delete;
    Poller &operator=(const Poller &) = delete;
    ~Poller() = default;

    // Whether a poll has found the job running.
    [[nodiscard]] bool has_seen_running() const { return seen_running_; }
    // Whether we held up the last response to a poll, or the one that is under way.
    [[nodiscard]] bool is_delayed() const {
        return was_delayed_ || (call_ != nullptr && call_->is_delayed());
    }

 private:
    void wait(Milliseconds time);
    void poll();
    void on_response(const HttpResponse &response);
    void on_state(const HttpResponse &response, JsonValue root);
    void on_result(const HttpResponse &response, JsonValue root);
    void again(const HttpResponse &response);
    void fail_again(const HttpResponse &response);
    void end(const HttpResponse &response, Outcome outcome);

    const Ports &ports_;
    const PollRules &rules_;
    Ask ask_;
    Ask fetch_;
    Read read_;
    std::function<void(const HttpResponse &, Outcome)> on_end_;
    Milliseconds began_;
    Milliseconds interval_;
    bool done_ = false;  // the job; its result is being fetched
    bool seen_running_ = false;
    bool was_delayed_ = false;
    int failures_ = 0;  // in a row
    int refusals_ = 0;  // in all
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<UpstreamCall> call_;
    std::unique_ptr<UpstreamCall> answered_;  // kept until its callback has returned
};

}  // namespace gateway

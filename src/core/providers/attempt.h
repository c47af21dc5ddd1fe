// One try of one candidate with one key: a call (and polls, where the provider answers before the
// picture is there) or local work, and at last an Outcome. Letting go of it cancels it, at the
// provider too where that can be.
#pragma once

#include <functional>
#include <memory>

#include "core/ports.h"
#include "core/providers/dialect.h"
#include "core/providers/polling.h"

namespace gateway {

class Attempt {
 public:
    struct Limits {
        Milliseconds total{0};  // what is left until the deadline
        size_t answer_max = 0;
        bool show_wire = false;  // keep what goes over the wire
    };

    // What the request refers to outlives the attempt. `on_outcome` is called exactly once, never
    // from within start().
    static std::unique_ptr<Attempt> start(const Ports &ports, const ProviderRequest &request,
                                          Limits limits, std::function<void(Outcome)> on_outcome);

    Attempt(const Attempt &) = delete;
    Attempt &operator=(const Attempt &) = delete;
    ~Attempt();

    // Whether somebody may be at work on it, and want money for it, if it were let go of now.
    [[nodiscard]] bool may_be_billed() const;

 private:
    Attempt(const Ports &ports, const ProviderRequest &request, Limits limits,
            std::function<void(Outcome)> on_outcome);
    void call(HttpCall call);
    HttpCall set_up(HttpCall call, Milliseconds total) const;
    void on_reply(const HttpReply &reply);
    void follow(Job job);
    void on_poll_end(const HttpReply &reply, Outcome outcome);
    void on_too_long();
    void work(LocalWork work);
    void run_work(std::function<Outcome()> make);
    void end(Outcome outcome, const HttpReply *reply);
    void add_what_was_sent(ImageResult &result) const;
    void cancel_job() noexcept;

    [[nodiscard]] const Provider &provider() const { return request_.provider; }
    [[nodiscard]] const Dialect &dialect() const { return *request_.provider.dialect; }

    const Ports &ports_;
    ProviderRequest request_;
    Limits limits_;
    std::function<void(Outcome)> on_outcome_;
    Milliseconds began_;
    std::unique_ptr<Wire> wire_;
    std::optional<int64_t> seed_;  // that the call asked for
    std::unique_ptr<UpstreamCall> call_;
    std::optional<Job> job_;  // taken by the provider, and not ended yet
    std::unique_ptr<Poller> poller_;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    bool local_ = false;  // made here
};

}  // namespace gateway

// One try of one candidate with one key: a call or local work, and at last an Outcome. Letting go
// of it cancels it.
#pragma once

#include <functional>
#include <memory>

#include "core/ports.h"
#include "core/providers/dialect.h"

namespace gateway {

class Attempt {
 public:
    struct Limits {
        Milliseconds total{0};  // what is left until the deadline
        size_t answer_max = 0;
        bool show_wire = false;  // keep what goes over the wire
    };

    // `on_outcome` is called exactly once, never from within start().
    static std::unique_ptr<Attempt> start(const Ports &ports, const ProviderRequest &request,
                                          Limits limits, std::function<void(Outcome)> on_outcome);

    Attempt(const Attempt &) = delete;
    Attempt &operator=(const Attempt &) = delete;
    ~Attempt() = default;

 private:
    Attempt(const Ports &ports, const Provider &provider, std::function<void(Outcome)> on_outcome);
    void call(HttpCall call, Limits limits);
    void on_reply(const HttpReply &reply);
    void work(LocalWork work);
    void run_work(std::function<Outcome()> make);

    const Ports &ports_;
    const Provider &provider_;
    std::function<void(Outcome)> on_outcome_;
    std::unique_ptr<Wire> wire_;
    std::unique_ptr<UpstreamCall> call_;
    std::unique_ptr<Timer> delay_;
    std::unique_ptr<Task> task_;
};

}  // namespace gateway

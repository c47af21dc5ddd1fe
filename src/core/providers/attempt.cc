#include "core/providers/attempt.h"

#include <algorithm>
#include <utility>

#include "core/providers/error_reply.h"

namespace gateway {

Attempt::Attempt(const Ports &ports, const Dialect &dialect,
                 std::function<void(Outcome)> on_outcome)
    : ports_(ports), dialect_(dialect), on_outcome_(std::move(on_outcome)) {}

std::unique_ptr<Attempt> Attempt::start(const Ports &ports, const ProviderRequest &request,
                                        Limits limits, std::function<void(Outcome)> on_outcome) {
    const Dialect &dialect = *request.provider.dialect;
    std::unique_ptr<Attempt> attempt(new Attempt(ports, dialect, std::move(on_outcome)));
    Work work = dialect.begin(request);
    if (auto *call = std::get_if<HttpCall>(&work)) {
        attempt->call(std::move(*call), request.provider, limits);
    } else {
        attempt->work(std::get<LocalWork>(std::move(work)));
    }
    return attempt;
}

void Attempt::call(HttpCall call, const Provider &provider, Limits limits) {
    call.timeouts = provider.timeouts;
    // The request's own deadline is kept by its own timer, which must be the first to speak.
    constexpr Milliseconds kGrace{1000};
    call.timeouts.total = std::min(call.timeouts.total, limits.total + kGrace);
    call.answer_max = provider.answer_max != 0 ? provider.answer_max : limits.answer_max;
    call.proxy = provider.proxy;
    call.ca_file = provider.ca_file;
    call_ = ports_.upstream.start(std::move(call), [this](const HttpReply &reply) {
        on_outcome_(reply.delivery == Delivery::answered ? dialect_.read(reply)
                                                         : judge_delivery(reply));
    });
}

void Attempt::work(LocalWork work) {
    // Always by a timer, so that no outcome comes before start() has returned.
    delay_ = ports_.loop.start_timer(
        work.delay, [this, make = std::move(work.make)]() mutable { run_work(std::move(make)); });
}

void Attempt::run_work(std::function<Outcome()> make) {
    auto outcome = std::make_shared<Outcome>();
    task_ = ports_.tasks.run([outcome, make = std::move(make)] { *outcome = make(); },
                             [this, outcome] { on_outcome_(std::move(*outcome)); });
    if (task_ == nullptr) {
        outcome->type = OutcomeType::broken;
        outcome->error.code = "task_pool_full";
        outcome->error.message = "the task pool takes no more work";
        on_outcome_(std::move(*outcome));
    }
}

}  // namespace gateway

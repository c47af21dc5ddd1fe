#include "core/providers/attempt.h"

#include <algorithm>
#include <utility>

#include "core/providers/error_reply.h"
#include "core/response/wire.h"

namespace gateway {

Attempt::Attempt(const Ports &ports, const Provider &provider,
                 std::function<void(Outcome)> on_outcome)
    : ports_(ports), provider_(provider), on_outcome_(std::move(on_outcome)) {}

std::unique_ptr<Attempt> Attempt::start(const Ports &ports, const ProviderRequest &request,
                                        Limits limits, std::function<void(Outcome)> on_outcome) {
    std::unique_ptr<Attempt> attempt(new Attempt(ports, request.provider, std::move(on_outcome)));
    Work work = request.provider.dialect->begin(request);
    if (auto *call = std::get_if<HttpCall>(&work)) {
        attempt->call(std::move(*call), limits);
    } else {
        attempt->work(std::get<LocalWork>(std::move(work)));
    }
    return attempt;
}

void Attempt::call(HttpCall call, Limits limits) {
    call.timeouts = provider_.timeouts;
    // The request's own deadline is kept by its own timer, which must be the first to speak.
    constexpr Milliseconds kGrace{1000};
    call.timeouts.total = std::min(call.timeouts.total, limits.total + kGrace);
    call.answer_max = provider_.answer_max != 0 ? provider_.answer_max : limits.answer_max;
    call.proxy = provider_.proxy;
    call.ca_file = provider_.ca_file;
    if (limits.show_wire) {
        wire_ = std::make_unique<Wire>(Wire{show_request(call, provider_.keys), ""});
    }
    call_ =
        ports_.upstream.start(std::move(call), [this](const HttpReply &reply) { on_reply(reply); });
}

void Attempt::on_reply(const HttpReply &reply) {
    if (reply.delivery != Delivery::answered) {
        on_outcome_(judge_delivery(reply));
        return;
    }
    Outcome outcome = provider_.dialect->read(reply);
    if (wire_ != nullptr) {
        wire_->response = show_reply(reply, provider_.keys);
        outcome.wire = std::move(wire_);
    }
    on_outcome_(std::move(outcome));
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

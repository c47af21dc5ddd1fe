#include "core/response/kept_alive_reply.h"

#include <utility>

namespace gateway {

KeptAliveReply::KeptAliveReply(const ReplyContext &context, Milliseconds interval)
    : Reply(context), interval_(interval) {
    wait();
}

void KeptAliveReply::wait() {
    timer_ = context().loop.start_timer(interval_, [this] {
        const auto timer = std::move(timer_);
        send_space();
    });
}

void KeptAliveReply::send_space() {
    Answer part;
    part.goes_on = true;
    part.body = Bytes::own(" ");
    if (!begun_) {
        context().complete_head(part);
    }
    wait();
    begun_ = true;
    context().send(std::move(part));
}

void KeptAliveReply::finish(const Result &result) {
    stop();
    if (!begun_) {
        send_images(result);
        return;
    }
    constexpr int kOk = 200;
    AnswerFacts facts = facts_of(result);
    facts.status_committed = true;
    end(kOk, write_images(result, facts, context().order.form.format));
}

void KeptAliveReply::break_off(const ApiError &error, const AnswerFacts &facts) {
    stop();
    AnswerFacts committed = facts;
    committed.status_committed = true;
    end(error.status, Bytes::own(write_error(error, committed)));
}

void KeptAliveReply::end(int status, Bytes document) {
    context().on_last(status);
    Answer part;
    part.body = std::move(document);
    context().send(std::move(part));
}

}  // namespace gateway

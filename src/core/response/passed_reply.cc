#include "core/response/passed_reply.h"

#include <utility>

namespace gateway {

void PassedReply::piece(const Maker &maker, const Bytes &piece) {
    Answer part;
    part.goes_on = true;
    if (!begun_) {
        AnswerFacts facts = context().facts();
        facts.maker = &maker;
        write_before_image(out_, facts);
        part.body = out_.take();
        context().complete_head(part);
    }
    part.body.append(piece);
    context().send(std::move(part));
    begun_ = true;
}

void PassedReply::finish(const Result &result) {
    if (!begun_) {
        send_images(result);
        return;
    }
    Answer part;
    write_after_image(out_, result, facts_of(result));
    part.body = out_.take();
    context().on_last(part.status);
    context().send(std::move(part));
}

void PassedReply::break_off(const ApiError &error, const AnswerFacts & /*facts*/) {
    Answer part;
    part.broken = true;
    context().on_last(error.status);
    context().send(std::move(part));
}

}  // namespace gateway

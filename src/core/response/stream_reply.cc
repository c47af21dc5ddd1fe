#include "core/response/stream_reply.h"

#include <algorithm>
#include <utility>

namespace gateway {

StreamReply::StreamReply(const ReplyContext &context, Milliseconds heartbeat)
    : Reply(context), events_(context.loop, heartbeat, context.complete_head, context.send) {}

// For an event before the end. Such an event has no attempts; the events at the end have them.
AnswerFacts StreamReply::facts_of_event(const Maker &maker, int64_t image) {
    AnswerFacts facts = context().facts();
    facts.history = nullptr;
    facts.maker = &maker;
    const EventPlace place = count_.next(image, facts.latency);
    facts.chunk_index = place.chunk_index;
    facts.latency = place.latency;
    return facts;
}

void StreamReply::preview(const Maker &maker, const Preview &preview) {
    const AnswerFacts facts = facts_of_event(maker, preview.image.index);
    Bytes event;
    append_event(event, facts.operation->preview_event,
                 write_partial(preview, facts, context().order.form.format));
    events_.send(std::move(event));
}

void StreamReply::image(const Maker &maker, const ImageWords &words, const Image &image,
                        const std::vector<Adjustment> &adjustments) {
    AnswerFacts facts = facts_of_event(maker, image.index);
    facts.adjustments = &adjustments;
    Bytes event;
    append_event(event, facts.operation->completed_event,
                 write_completed(words, image, facts, context().order.form.format, false));
    sent_.reserve(sent_.size() + 1);
    events_.send(std::move(event));
    sent_.push_back(image.index);
}

bool StreamReply::is_sent(const Image &image) const {
    return std::find(sent_.begin(), sent_.end(), image.index) != sent_.end();
}

void StreamReply::finish(const Result &result) {
    AnswerFacts facts = facts_of(result);
    const int64_t total = facts.latency;
    Bytes events;
    const auto end = result.images.end();
    const auto next_unsent = [&](auto from) {
        return std::find_if(from, end, [this](const Image &image) { return !is_sent(image); });
    };
    for (auto image = next_unsent(result.images.begin()); image != end;) {
        const auto next = next_unsent(image + 1);
        const bool is_last = next == end;
        const EventPlace place = count_.next(image->index, total);
        facts.chunk_index = place.chunk_index;
        facts.latency = is_last ? total : place.latency;
        append_event(
            events, facts.operation->completed_event,
            write_completed(result.words, *image, facts, context().order.form.format, is_last));
        image = next;
    }
    constexpr int kOk = 200;
    this->end(kOk, std::move(events));
}

void StreamReply::break_off(const ApiError &error, const AnswerFacts &facts) {
    Bytes event;
    append_event(event, "error", Bytes::own(write_error_event(error, facts)));
    end(error.status, std::move(event));
}

void StreamReply::end(int status, Bytes events) {
    context().on_last(status);
    events_.end(std::move(events));
}

}  // namespace gateway

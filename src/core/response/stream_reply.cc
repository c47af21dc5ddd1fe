#include "core/response/stream_reply.h"

#include <algorithm>
#include <utility>

#include "core/providers/made_facts.h"
#include "core/response/made.h"

namespace gateway {

StreamReply::StreamReply(Context context, Milliseconds heartbeat,
                         std::function<void(Answer &)> head, std::function<void(Answer)> send)
    : context_(std::move(context)),
      events_(context_.ports.loop, heartbeat, std::move(head), std::move(send)) {}

void StreamReply::note_place(AnswerFacts &facts, int64_t image) {
    const EventPlace place = count_.next(image, facts.latency);
    facts.chunk_index = place.chunk_index;
    facts.latency = place.latency;
}

void StreamReply::show_preview(const Candidate &candidate, const Prepared &prepared,
                               Preview preview) {
    take_truth(preview.what, preview.image);
    fill_in_sent(preview.what, prepared.fitted.params);
    AnswerFacts facts = context_.facts();
    facts.journal = nullptr;
    facts.maker = &candidate;
    note_place(facts, preview.image.index);
    Bytes event;
    append_event(event, "image_generation.partial_image",
                 write_partial(preview, facts, context_.form.format));
    events_.send(std::move(event));
}

// ---- a picture that is there while others are not

void StreamReply::show_image(const Candidate &candidate, const Prepared &prepared,
                             ImageResult image) {
    Early &early = early_.emplace_back(Early{candidate, prepared, std::move(image), nullptr});
    note_lifetimes(early.result, *prepared.spec, context_.ports.clock.unix_seconds());
    if (PictureDelivery::is_needed(early.result, context_.form.wish_for(*candidate.provider))) {
        deliver_more();
    } else {
        settle(early);
    }
}

// The others wait until one has come.
void StreamReply::deliver_more() {
    if (ended_) {
        return;
    }
    const auto is_running = [](const Early &early) {
        return early.delivery != nullptr && !early.settled;
    };
    auto running = static_cast<size_t>(std::count_if(early_.begin(), early_.end(), is_running));
    for (Early &early : early_) {
        if (running == kMostDelivered) {
            return;
        }
        if (early.delivery == nullptr && !early.settled) {
            early.delivery = std::make_unique<PictureDelivery>(
                context_.ports, early.result, context_.form.wish_for(*early.candidate.provider),
                [this, &early] {
                    settle(early);
                    deliver_more();
                });
            ++running;
        }
    }
}

void StreamReply::settle(Early &early) {
    if (ended_) {
        return;
    }
    early.settled = true;
    const bool failed = early.delivery != nullptr && !early.delivery->problems().empty();
    if (failed && context_.form.only_so) {
        trouble_ = error_undelivered(early.delivery->problems().front());
    } else {
        tell(early);
    }
    when_settled(std::exchange(then_, nullptr));
}

void StreamReply::tell(Early &early) {
    Image &image = early.result.images.front();
    take_truth(early.result, image);
    AnswerFacts facts = context_.facts();
    facts.journal = nullptr;
    facts.maker = &early.candidate;
    const auto adjustments =
        adjustments_of(context_.request, early.prepared, early.result,
                       early.delivery == nullptr ? std::vector<PictureDelivery::Problem>()
                                                 : early.delivery->problems());
    facts.adjustments = &adjustments;
    fill_in_sent(early.result, early.prepared.fitted.params);
    note_place(facts, image.index);
    Bytes event;
    append_event(event, "image_generation.completed",
                 write_completed(early.result, 0, facts, context_.form.format, false));
    events_.send(std::move(event));
    image.told = true;
    image.content = Bytes();
    ++told_;
}

void StreamReply::when_settled(std::function<void()> then) {
    const bool all =
        std::all_of(early_.begin(), early_.end(), [](const Early &early) { return early.settled; });
    if (then != nullptr && all) {
        then();
    } else {
        then_ = std::move(then);
    }
}

void StreamReply::give_up() {
    for (Early &early : early_) {
        if (!early.settled && early.delivery == nullptr) {
            early.delivery = std::make_unique<PictureDelivery>(
                context_.ports, early.result, context_.form.wish_for(*early.candidate.provider),
                [] {});
        }
        if (!early.settled) {
            early.delivery->give_up();
            settle(early);
        }
    }
}

void StreamReply::recall(ImageResult &result) {
    for (Image &image : result.images) {
        const auto early = std::find_if(early_.begin(), early_.end(), [&](const Early &shown) {
            return shown.result.images.front().index == image.index;
        });
        if (image.told && early != early_.end()) {
            image = early->result.images.front();
        }
    }
}

// ---- the end

void StreamReply::finish(const Success &success, const AnswerFacts &facts) {
    ended_ = true;
    events_.end(write_success_events(success, facts, count_));
}

void StreamReply::fail(const ApiError &error, const AnswerFacts &facts) {
    ended_ = true;
    Bytes event;
    append_event(event, "error", Bytes::own(write_error_event(error, facts)));
    events_.end(std::move(event));
}

void StreamReply::leave() {
    ended_ = true;
    events_.stop();
}

}  // namespace gateway

// A reply as a stream of events: previews, each image as soon as it is ready, and the totals with
// the last image.
#pragma once

#include <vector>

#include "core/response/event_stream.h"
#include "core/response/reply.h"

namespace gateway {

class StreamReply final : public Reply {
 public:
    StreamReply(const ReplyContext &context, Milliseconds heartbeat);

    [[nodiscard]] bool has_begun() const override { return events_.has_begun(); }
    void preview(const Maker &maker, const Preview &preview) override;
    void image(const Maker &maker, const ImageWords &words, const Image &image,
               const std::vector<Adjustment> &adjustments) override;
    // Sends the events of the images that were not sent yet. There must be at least one.
    void finish(const Result &result) override;
    void stop() noexcept override { events_.stop(); }

 private:
    void break_off(const ApiError &error, const AnswerFacts &facts) override;
    [[nodiscard]] AnswerFacts facts_of_event(const Maker &maker, int64_t image);
    void end(int status, Bytes events);
    [[nodiscard]] bool is_sent(const Image &image) const;

    EventStream events_;
    EventCount count_;
    std::vector<int64_t> sent_;  // the indexes of images
};

}  // namespace gateway

// A success that is told as a stream: what pictures look like so far, each of them as soon as it is
// there, and with the last one what all came to.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>

#include "core/response/answer_form.h"
#include "core/response/event_stream.h"
#include "core/response/success.h"

namespace gateway {

class StreamReply {
 public:
    // All of it outlives the reply.
    struct Context {
        const Ports &ports;
        const ImageRequest &request;
        const AnswerForm &form;
        std::function<AnswerFacts()> facts;
    };

    // `head` completes an answer's headers; `send` may end whoever owns this only after it
    // returned.
    StreamReply(Context context, Milliseconds heartbeat, std::function<void(Answer &)> head,
                std::function<void(Answer)> send);
    StreamReply(const StreamReply &) = delete;
    StreamReply &operator=(const StreamReply &) = delete;

    // The client knows by now that it is a stream.
    [[nodiscard]] bool has_begun() const { return events_.has_begun(); }

    void show_preview(const Candidate &candidate, const Prepared &prepared, Preview preview);
    // One picture, while others are not there. It is told when it has the form that it should.
    void show_image(const Candidate &candidate, const Prepared &prepared, ImageResult image);

    // Pictures that the caller has.
    [[nodiscard]] int64_t told() const { return told_; }
    // And those that were shown, but do not have their form yet.
    [[nodiscard]] int64_t untold() const { return static_cast<int64_t>(early_.size()) - told_; }
    // When none that was shown is on its way any longer: perhaps at once.
    void when_settled(std::function<void()> then);
    // The time is up: those on their way are told as they are.
    void give_up();
    // Of pictures that were shown, what is known of them by now; and why one could not be told.
    void recall(ImageResult &result);
    [[nodiscard]] const std::optional<ApiError> &trouble() const { return trouble_; }

    // One of these is the end. The first tells what was not told yet: there must be something.
    void finish(const Success &success, const AnswerFacts &facts);
    void fail(const ApiError &error, const AnswerFacts &facts);
    // Or this: the answer is no stream after all.
    void leave();

 private:
    struct Early {
        const Candidate &candidate;
        const Prepared &prepared;
        ImageResult result;  // one picture
        std::unique_ptr<PictureDelivery> delivery;
        bool settled = false;
    };
    void deliver_more();
    void settle(Early &early);
    void tell(Early &early);
    void note_place(AnswerFacts &facts, int64_t image);

    Context context_;
    EventStream events_;
    EventCount count_;
    std::list<Early> early_;
    int64_t told_ = 0;
    bool ended_ = false;
    std::optional<ApiError> trouble_;
    std::function<void()> then_;
};

}  // namespace gateway

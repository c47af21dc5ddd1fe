// How one caller is answered: by a document, by an event stream, or by an image that is passed
// through. An answer to an error is a document wherever nothing has been sent yet.
//
//   (nothing sent) --preview, image, piece--> begun --finish, or fail--> over
//          \---------------finish, or fail---------------------------------^
#pragma once

#include <functional>

#include "core/making/making.h"
#include "core/response/answer.h"

namespace gateway {

// What a reply needs of the request that it is for. All of it outlives the reply.
struct ReplyContext {
    const Order &order;
    EventLoop &loop;
    std::function<AnswerFacts()> facts;           // as known by now
    std::function<void(int status)> on_last;      // before the last part is sent: settles
    std::function<void(Answer &)> complete_head;  // before the first part is sent
    std::function<void(Answer)> send;
};

class Reply : public ImageWatcher {
 public:
    explicit Reply(const ReplyContext &context) : context_(context) {}
    Reply(const Reply &) = delete;
    Reply &operator=(const Reply &) = delete;

    // The client has a part of it: an error can only end it.
    [[nodiscard]] virtual bool has_begun() const { return false; }
    // One of these is the end.
    virtual void finish(const Result &result) = 0;
    void fail(const ApiError &error, const AnswerFacts &facts);
    // Nothing more is sent.
    virtual void stop() noexcept {}

    void preview(const Maker & /*maker*/, const Preview & /*preview*/) override {}
    void image(const Maker & /*maker*/, const ImageWords & /*words*/, const Image & /*image*/,
               const std::vector<Adjustment> & /*adjustments*/) override {}
    void piece(const Maker & /*maker*/, const Bytes & /*piece*/) override {}

 protected:
    // An error after the reply has begun.
    virtual void break_off(const ApiError & /*error*/, const AnswerFacts & /*facts*/) {}
    // Of a success, with all that it says.
    [[nodiscard]] AnswerFacts facts_of(const Result &result) const;
    // The whole of it.
    void send_document(Answer answer);
    [[nodiscard]] const ReplyContext &context() const { return context_; }

 private:
    const ReplyContext &context_;
};

// One JSON document, when all is known.
class DocumentReply final : public Reply {
 public:
    using Reply::Reply;
    void finish(const Result &result) override;
};

// An error as a whole answer, with the headers that belong to it.
Answer error_answer(const ApiError &error, const AnswerFacts &facts);

}  // namespace gateway

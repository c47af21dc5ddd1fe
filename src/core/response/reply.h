// A reply is a document, an event stream, or an image that is passed through. An error is sent as a
// document if nothing has been sent yet.
//
//   (nothing sent) --preview, image, piece--> begun --finish, or fail--> over
//          \---------------finish, or fail---------------------------------^
#pragma once

#include <functional>

#include "core/making/making.h"
#include "core/response/answer.h"

namespace gateway {

// What a reply needs to know about its request. All of it must outlive the reply.
struct ReplyContext {
    const Order &order;
    EventLoop &loop;
    std::function<AnswerFacts()> facts;           // as known at the time of the call
    std::function<void(int status)> on_last;      // called before the last part is sent; settles
    std::function<void(Answer &)> complete_head;  // called before the first part is sent
    std::function<void(Answer)> send;
};

class Reply : public ImageWatcher {
 public:
    explicit Reply(const ReplyContext &context) : context_(context) {}
    Reply(const Reply &) = delete;
    Reply &operator=(const Reply &) = delete;

    // Whether a part was sent. After that, an error can only break the reply off.
    [[nodiscard]] virtual bool has_begun() const { return false; }
    // Each of these two ends the reply.
    virtual void finish(const Result &result) = 0;
    void fail(const ApiError &error, const AnswerFacts &facts);
    // Sends nothing more.
    virtual void stop() noexcept {}

    void preview(const Maker & /*maker*/, const Preview & /*preview*/) override {}
    void image(const Maker & /*maker*/, const ImageWords & /*words*/, const Image & /*image*/,
               const std::vector<Adjustment> & /*adjustments*/) override {}
    void piece(const Maker & /*maker*/, const Bytes & /*piece*/) override {}

 protected:
    // An error after the reply has begun.
    virtual void break_off(const ApiError & /*error*/, const AnswerFacts & /*facts*/) {}
    // The facts for a success.
    [[nodiscard]] AnswerFacts facts_of(const Result &result) const;
    // A success as one document.
    void send_images(const Result &result);
    // Sends a complete reply.
    void send_document(Answer answer);
    [[nodiscard]] const ReplyContext &context() const { return context_; }

 private:
    const ReplyContext &context_;
};

// One JSON document, which is sent at the end.
class DocumentReply final : public Reply {
 public:
    using Reply::Reply;
    void finish(const Result &result) override { send_images(result); }
};

// A complete error reply with its headers.
Answer error_answer(const ApiError &error, const AnswerFacts &facts);

}  // namespace gateway

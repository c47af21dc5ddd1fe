// A reply with one image that is passed through. Sends the JSON before the image with its first
// piece, and the JSON after it at the end. An error after the first piece breaks the reply off.
#pragma once

#include "core/json/writer.h"
#include "core/response/reply.h"

namespace gateway {

class PassedReply final : public Reply {
 public:
    using Reply::Reply;
    [[nodiscard]] bool has_begun() const override { return begun_; }
    void piece(const Maker &maker, const Bytes &piece) override;
    void finish(const Result &result) override;

 private:
    void break_off(const ApiError &error, const AnswerFacts &facts) override;

    JsonWriter out_;
    bool begun_ = false;
};

}  // namespace gateway

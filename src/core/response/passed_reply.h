// A success of one image that is passed through: what stands before it is sent when it begins, and
// the rest when all is known. A failure after that can only break off.
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

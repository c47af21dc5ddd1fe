// One JSON document, with white space before it while the images are made, so that the connection
// is not silent. With the first space the status is committed: it is 200, also of an error.
#pragma once

#include <memory>

#include "core/response/reply.h"

namespace gateway {

class KeptAliveReply final : public Reply {
 public:
    // Create it when the request cannot be refused any more.
    KeptAliveReply(const ReplyContext &context, Milliseconds interval);

    [[nodiscard]] bool has_begun() const override { return begun_; }
    void finish(const Result &result) override;
    void stop() noexcept override { timer_.reset(); }

 private:
    void break_off(const ApiError &error, const AnswerFacts &facts) override;
    void wait();
    void send_space();
    void end(int status, Bytes document);

    Milliseconds interval_;
    std::unique_ptr<Timer> timer_;
    bool begun_ = false;
};

}  // namespace gateway

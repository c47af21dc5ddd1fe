// One request of one caller, from its head to its end: the steps stand in exchange.cc from 1 to 10.
// The adapter calls them; they answer through the function given to run().
//
//   identify, enter --> entered --run--> making --> replied
//                  (an error, an exception, or a client that leaves: from anywhere)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/policy.h"
#include "core/making/making.h"
#include "core/response/models.h"
#include "core/response/passed_reply.h"
#include "core/response/reply.h"
#include "core/response/stream_reply.h"
#include "core/routing/model_map.h"

namespace gateway {

class Exchange final {
 public:
    using Entered = tl::expected<void, ApiError>;

    // Everything referred to must outlive the exchange.
    Exchange(const ModelMap &models, const Policy &policy, Accounts &accounts, Health &health,
             const Ports &ports);
    ~Exchange();
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    // The steps, in the order in which the adapter takes them. An error is the answer.
    Entered identify(const RequestHead &head);
    // Where the accounts do not answer at once, there is nothing now, and `later` is called. Until
    // then the body is not to be read.
    std::optional<Entered> enter(size_t body_size, std::function<void(Entered)> later);
    // What the list of models depends on, which a caller may ask for instead of all that follows.
    [[nodiscard]] ModelListContext model_list() const {
        return {models_, *order_->catalogue, order_->caller};
    }

    // The rest. `answer` is called once, or for each part of a stream, unless the exchange is
    // destroyed before: then all is cancelled. The exchange may be destroyed after it, but not from
    // within it.
    void run(Operation operation, std::string body, std::function<void(Answer)> answer);

    // How much of what it was given the client has not taken yet. A provider whose answer is shown
    // as it comes waits for it.
    void note_unsent(size_t bytes);

    // The client left: cancels what runs and gives back what was reserved. What has happened can
    // still be read.
    void cancel() noexcept;

    // Something that was done for it threw, and has been unwound: lets go of all, counts what may
    // have been billed, and answers with a 500, as far as there is memory for one. After a part of
    // the answer has gone, it breaks off.
    void end_by_exception() noexcept;

    // The end before the body was understood, by our own or by nginx's decision.
    Answer refuse(const ApiError &error);

    [[nodiscard]] const RequestHead &head() const { return head_; }

    // For log variables.
    [[nodiscard]] std::string_view end_user() const { return head_.on_behalf_of; }
    [[nodiscard]] size_t images() const { return static_cast<size_t>(images_answered()); }
    [[nodiscard]] std::optional<MicroUsd> cost() const {
        return making_ == nullptr ? std::nullopt : making_->result().bill.cost.usd;
    }
    [[nodiscard]] const std::string &request_id() const { return order_->request_id; }
    [[nodiscard]] std::string_view caller_id() const { return order_->caller.id(); }
    // Somebody whom we vouch for.
    [[nodiscard]] bool knows_caller() const {
        return !order_->caller.id().empty() || order_->caller.admin;
    }
    [[nodiscard]] const std::vector<AttemptRecord> &attempts() const {
        return history().attempts();
    }
    [[nodiscard]] int64_t upstream_milliseconds() const {
        return history().upstream_time().count();
    }
    // Images that were or may have been made, and billed, and are in no answer.
    [[nodiscard]] int64_t images_lost() const {
        return making_ == nullptr ? 0 : making_->images_lost();
    }
    [[nodiscard]] std::string_view outcome() const { return outcome_; }
    [[nodiscard]] int64_t milliseconds() const { return (ports_.clock.now() - began_).count(); }

 private:
    enum class Phase : uint8_t { open, entered, making, replied };

    Entered plan();
    void reserve();
    void make();
    void choose_reply();
    void on_deadline();
    void on_result();
    void settle(int status) noexcept;
    void fail(const ApiError &error);

    [[nodiscard]] const History &history() const;
    [[nodiscard]] int64_t images_answered() const {
        return making_ == nullptr ? 0 : making_->images_answered();
    }
    [[nodiscard]] AnswerFacts facts() const;
    [[nodiscard]] AnswerFacts facts_of(const ApiError &error) const;

    const ModelMap &models_;
    const Policy &policy_;
    Health &health_;
    const Ports &ports_;

    Phase phase_ = Phase::open;
    Milliseconds began_;
    Milliseconds allowed_;
    RequestHead head_;
    Wishes wishes_;
    std::shared_ptr<Order> order_;
    std::optional<Entered> entered_;  // until the adapter is told
    std::function<void(Entered)> later_;
    std::unique_ptr<Timer> deadline_timer_;
    std::function<void(Answer)> answer_;
    ReplyContext reply_context_;
    DocumentReply document_{reply_context_};
    std::unique_ptr<Reply> other_reply_;
    Reply *reply_ = &document_;
    std::unique_ptr<Making> making_;
    bool held_ = false;  // the client is behind
    std::string_view outcome_;
};

}  // namespace gateway

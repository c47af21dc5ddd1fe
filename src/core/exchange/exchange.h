// One client request from its headers to the end of its reply. exchange.cc has the steps 1 to 10 in
// order, exchange_jobs.cc those of jobs. The adapter calls them. The reply goes to the function
// that is passed to run().
//
//   identify, enter --> entered --run--> making --> replied
//                                  \-(made already, or being made)-^
//                  (an error, an exception, or a client that leaves: from anywhere)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/exchange/intake.h"
#include "core/exchange/job_requests.h"
#include "core/exchange/policy.h"
#include "core/exchange/timing.h"
#include "core/making/making.h"
#include "core/response/kept_alive_reply.h"
#include "core/response/models.h"
#include "core/response/passed_reply.h"
#include "core/response/reply.h"
#include "core/response/stream_reply.h"
#include "core/routing/model_map.h"
#include "core/sharing/job_queue.h"
#include "core/sharing/joining.h"

namespace gateway {

// The memory and the disk space that a body may need.
struct BodySize {
    size_t memory = 0;
    size_t disk = 0;
    bool may_need_disk = false;
};

class Exchange final : private Follower {
 public:
    using Entered = tl::expected<void, ApiError>;

    // All arguments must outlive the exchange.
    Exchange(const ModelMap &models, const Policy &policy, Accounts &accounts, Health &health,
             const Ports &ports);
    ~Exchange();
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    // The adapter calls identify(), enter() and run() in this order. An error ends the exchange:
    // the adapter passes it to refuse().
    Entered identify(const RequestHead &head);
    // Returns nothing if the accounts do not answer at once. Then `later` is called with the
    // result, and the adapter must not read the body before that.
    std::optional<Entered> enter(BodySize body, std::function<void(Entered)> later);
    // Call it while a body arrives that has no length. False if there is no disk space for more.
    [[nodiscard]] bool hold_disk(size_t bytes);
    // For a request for the list of models, which needs none of the following steps.
    [[nodiscard]] ModelListContext model_list() const {
        return {models_, *order_->catalogue, order_->caller};
    }

    // The request is a job, in this form: its client asks for the result later. Call it before
    // run().
    enum class JobForm : uint8_t { none, ours, bifrost };
    void make_job(JobForm form) { job_form_ = form; }
    // For a request about jobs, which needs none of the following steps.
    void answer_about_jobs(const JobRequest &request, std::function<void(Answer)> answer);

    // Takes all other steps. `answer` is called once, or once for each part of a stream. Destroying
    // the exchange cancels it; `answer` itself must not destroy it.
    void run(Operation operation, ReceivedBody body, std::function<void(Answer)> answer);

    // Says how many bytes of the reply the client has not taken yet. If there are too many, a
    // provider response that streams or is passed through is paused.
    void note_unsent(size_t bytes);

    // The client has gone: cancels what is in progress and gives back what was reserved. The values
    // for log variables stay.
    void cancel() noexcept;

    // Called after a callback of this exchange threw. Cancels what is in progress, counts what may
    // have been billed, and replies with a 500 if there is memory for one. A reply that has begun
    // is broken off.
    void end_by_exception() noexcept;

    // Ends the exchange with an error before run(). The error is the gateway's own or nginx's.
    Answer refuse(const ApiError &error);

    [[nodiscard]] const RequestHead &head() const { return head_; }

    // For log variables.
    [[nodiscard]] std::string_view end_user() const { return head_.on_behalf_of; }
    [[nodiscard]] size_t images() const { return static_cast<size_t>(images_answered()); }
    [[nodiscard]] std::optional<MicroUsd> cost() const;
    [[nodiscard]] const std::string &request_id() const { return order_->request_id; }
    [[nodiscard]] std::string_view caller_id() const { return order_->caller.id(); }
    // Whether the caller has a virtual key, a token or admin rights.
    [[nodiscard]] bool knows_caller() const {
        return !order_->caller.id().empty() || order_->caller.admin;
    }
    [[nodiscard]] const std::vector<AttemptRecord> &attempts() const {
        return history().attempts();
    }
    [[nodiscard]] int64_t upstream_milliseconds() const {
        return history().upstream_time().count();
    }
    // Images that were or may have been made and billed, but are not in the reply.
    [[nodiscard]] int64_t images_lost() const {
        return making() == nullptr ? 0 : making()->images_lost();
    }
    [[nodiscard]] std::string_view outcome() const { return outcome_; }
    [[nodiscard]] int64_t milliseconds() const { return (ports_.clock.now() - began_).count(); }
    // Up to now.
    [[nodiscard]] Timing timing() const;

    // The status of the end, which differs from the one that was sent if a reply that had begun
    // ended with an error. 0: none was told.
    [[nodiscard]] int end_status() const { return end_status_; }

    // For metrics. The operation is set once run() was called.
    [[nodiscard]] std::optional<Operation> operation() const {
        return answer_ ? std::optional(order_->operation) : std::nullopt;
    }
    [[nodiscard]] std::string_view requested_model() const { return order_->requested_model; }
    [[nodiscard]] const std::vector<SkipRecord> &skipped() const { return history().skipped(); }
    // Null: no images were made for this request.
    [[nodiscard]] const Usage *usage() const {
        return making() == nullptr || !making()->is_billed() ? nullptr
                                                             : &making()->result().bill.usage;
    }
    [[nodiscard]] const std::vector<Adjustment> &adjustments() const {
        return result() == nullptr || result()->adjustments.empty() ? order_->request.adjustments
                                                                    : result()->adjustments;
    }
    // Empty: the request is in none.
    [[nodiscard]] const Rare<Trace> &trace() const { return order_->trace; }
    // The limit that refused the request.
    [[nodiscard]] const ApiError::Limited &limited() const { return limited_; }

 private:
    enum class Phase : uint8_t { open, entered, making, replied };

    // Where the images come from.
    enum class Source : uint8_t {
        own,       // a making of this request alone
        led,       // a shared making with this request's order
        followed,  // a shared making with the order of an equal request
        kept,      // a result that was kept
    };

    void on_ordered(const Entered &ordered);
    void join();
    void on_joined(Joined joined);
    void reserve();
    void make();
    void follow();
    void answer_kept(Joined joined);
    [[nodiscard]] bool may_wait() const;
    [[nodiscard]] bool may_wait_for(const ApiError &refusal) const;
    [[nodiscard]] Milliseconds longest_claim() const;
    Entered enter_waiting(ApiError refusal);
    void on_entered(Entered entered);
    void start_job();
    void ask_to_wait();
    void begin_job();
    void fail_job(const ApiError &refusal);
    void accept_job(const JobRecord &job);
    void show_existing_job();
    [[nodiscard]] std::optional<int64_t> job_keep() const;
    [[nodiscard]] tl::expected<WebhookTarget, ApiError> read_webhook(bool is_job) const;
    void reply_kept();
    void forget_shared() noexcept;
    void choose_reply();
    void on_deadline();
    void on_result(const Result &result);
    void settle(int status) noexcept;
    void stop_making() noexcept;
    void fail(const ApiError &error);
    void begin_step() { step_began_ = ports_.clock.now(); }
    void end_step(Milliseconds Timing::*step);

    void on_shared_end() override;
    CallbackOwner &owner() override { return *ports_.owner; }
    void preview(const Maker &maker, const Preview &preview) override {
        reply_->preview(maker, preview);
    }
    void image(const Maker &maker, const ImageWords &words, const Image &image,
               const std::vector<Adjustment> &adjustments) override {
        reply_->image(maker, words, image, adjustments);
    }
    void piece(const Maker & /*maker*/, const Bytes & /*piece*/) override {}

    // That makes this request's order; null: none does.
    [[nodiscard]] const Making *making() const;
    [[nodiscard]] const History &history() const;
    // What the reply is about: perhaps of another request.
    [[nodiscard]] const Result *result() const;
    [[nodiscard]] int64_t images_answered() const;
    [[nodiscard]] bool shares_result() const {
        return !by_key_ && !cache_.hit && (source_ == Source::followed || source_ == Source::kept);
    }
    // Whether it pays for a result of another request as if it were alone.
    [[nodiscard]] bool pays_share() const {
        return shares_result() && policy_.sharing.coalesce.charge_each;
    }
    void pay_share();
    void complete_head(Answer &answer);
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
    Intake intake_{{models_, policy_, head_, wishes_}, ports_, *order_};
    std::optional<Entered> entered_;  // until enter() returns it
    std::function<void(Entered)> later_;
    std::unique_ptr<Timer> deadline_timer_;
    std::function<void(Answer)> answer_;
    ReplyContext reply_context_;
    DocumentReply document_{reply_context_};
    std::unique_ptr<Reply> other_reply_;
    Reply *reply_ = &document_;
    std::unique_ptr<Making> making_;
    Source source_ = Source::own;
    CacheWish cache_wish_;
    std::unique_ptr<Joining> joining_;
    std::shared_ptr<SharedMaking> shared_;
    Rare<KeptResult> kept_;
    CacheFacts cache_;
    bool cache_took_part_ = false;
    JobForm job_form_ = JobForm::none;
    JobRecord job_;                                        // if it was accepted
    std::unique_ptr<WaitingPlaces::Place> waiting_place_;  // the job waits, and has this place
    std::unique_ptr<Task> job_note_;
    std::unique_ptr<JobRequests> job_requests_;
    std::unique_ptr<Timer> job_wait_;
    bool by_key_ = false;       // the reply is equal to that of the first request with the same key
    bool handed_over_ = false;  // the shared making settles the order
    bool left_making_ = false;  // a shared making continues without this request
    bool held_ = false;         // provider responses are paused because the client is slow
    std::string_view outcome_;
    int end_status_ = 0;
    Timing steps_;  // those that the exchange itself measures
    Milliseconds step_began_{0};
    std::optional<Milliseconds> settled_;  // when
    ApiError::Limited limited_;
};

}  // namespace gateway

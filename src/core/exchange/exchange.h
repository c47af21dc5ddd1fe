// The story of one request. The adapter tells it what happens; it tells the adapter what to answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/access/identify.h"
#include "core/access/parties.h"
#include "core/bytes/held_memory.h"
#include "core/catalog/fit.h"
#include "core/limits/claim.h"
#include "core/ports.h"
#include "core/request/decode.h"
#include "core/response/answer.h"
#include "core/response/answer_form.h"
#include "core/response/delivery.h"
#include "core/response/passed_reply.h"
#include "core/response/stream_reply.h"
#include "core/response/success.h"
#include "core/routing/execution.h"
#include "core/routing/expense.h"
#include "core/routing/model_map.h"
#include "core/routing/plan.h"

namespace gateway {

// What a location's configuration says.
struct Policy {
    AuthMode auth = AuthMode::required;
    std::shared_ptr<const KeyRing> keys;
    std::shared_ptr<JwtVerifier> tokens;  // null: tokens are no credentials here
    DefaultLimits limits;
    const Profile *profile = &unified_profile();
    UnknownFields unknown_fields;
    FitMode fit = FitMode::adapt;
    bool raw = false;                  // callers may see what goes over the wire
    std::shared_ptr<Hosting> hosting;  // null: no pictures are kept
    std::shared_ptr<const FetchRules> fetch_rules = std::make_shared<const FetchRules>();
    std::string default_model;
    Milliseconds deadline{590'000};
    Milliseconds heartbeat{15'000};
    size_t answer_max = 0;
    bool buffering = true;  // whole answers are kept here until the client has them
};

class Exchange final : private Story, private Showing {
 public:
    // Everything referred to must outlive the exchange.
    Exchange(const ModelMap &models, const Policy &policy, Ledger &ledger, Health &health,
             const Ports &ports, int32_t process);
    ~Exchange() override;
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    // The steps, in the order in which the adapter takes them. An error is the answer.
    tl::expected<void, ApiError> identify(const RequestHead &head);
    tl::expected<void, ApiError> enter(size_t body_size = 0);
    // The other thing that a caller may ask for: which models there are, or one of them.
    [[nodiscard]] Answer list_models() const;
    [[nodiscard]] tl::expected<Answer, ApiError> describe_model(std::string_view name) const;

    // The rest. `answer` is called once, or for each part of a stream, unless the exchange is
    // destroyed before: then all is cancelled. The exchange may be destroyed after it, but not from
    // within it.
    void run(std::string_view body, std::function<void(Answer)> answer);

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
    [[nodiscard]] const std::optional<MicroUsd> &cost() const { return bill_.cost.usd; }
    [[nodiscard]] const std::string &request_id() const { return request_id_; }
    [[nodiscard]] std::string_view caller_id() const { return caller_.id(); }
    // Somebody whom we vouch for.
    [[nodiscard]] bool knows_caller() const { return !caller_.id().empty() || caller_.admin; }
    [[nodiscard]] const std::vector<AttemptRecord> &attempts() const { return journal_.attempts(); }
    [[nodiscard]] int64_t upstream_milliseconds() const { return journal_.upstream_time().count(); }
    // Images that were or may have been made, and billed, and are in no answer.
    [[nodiscard]] int64_t images_lost() const { return journal_.images_lost() + images_withheld_; }
    [[nodiscard]] std::string_view outcome() const { return outcome_; }
    [[nodiscard]] int64_t milliseconds() const { return (ports_.clock.now() - began_).count(); }

 private:
    tl::expected<void, ApiError> understand(std::string_view body);
    [[nodiscard]] std::string_view default_model() const;
    tl::expected<void, ApiError> plan();
    tl::expected<void, ApiError> reserve();
    [[nodiscard]] MicroUsd dearest();
    void execute();
    [[nodiscard]] bool is_strict() const {
        return wishes_.strict || policy_.fit == FitMode::strict;
    }

    tl::expected<Prepared, ApiError> prepare(const Candidate &candidate) override;
    tl::expected<void, Uncovered> cover(const Candidate &candidate,
                                        const Prepared &prepared) override;
    void on_made(Made made) override;
    void on_failed(const ApiError &error) override;
    void on_too_late() override;

    [[nodiscard]] bool is_stream() const override;
    void show_preview(const Candidate &candidate, const Prepared &prepared,
                      Preview preview) override;
    void show_image(const Candidate &candidate, const Prepared &prepared,
                    ImageResult image) override;
    void show_piece(const Candidate &candidate, Bytes piece) override;

    void begin_reply();
    [[nodiscard]] bool may_pass_on() const;
    [[nodiscard]] bool shows_wire() const;
    [[nodiscard]] AnswerForm answer_form() const;
    [[nodiscard]] int64_t images_answered() const;

    void gather_made();
    void take_bill();
    void deliver();
    void unify();
    void fail_billed(const ApiError &error);
    void withhold_untold() noexcept;
    void settle(int status) noexcept;
    [[nodiscard]] bool has_asked() const;
    void write_down(int status, std::vector<UsageRecord::DayCount> day_counts) noexcept;
    void fail(const ApiError &error);
    void finish(Answer answer);
    void on_deadline();

    [[nodiscard]] Answer answer_for(const ApiError &error) const;
    [[nodiscard]] AnswerFacts facts() const;
    [[nodiscard]] AnswerFacts failure_facts() const;
    void add_quota_headers(Answer &answer) const;

    const ModelMap &models_;
    const Policy &policy_;
    Health &health_;
    const Ports &ports_;

    std::string request_id_;
    Milliseconds began_{0};
    Milliseconds deadline_{0};
    RequestHead head_;
    Caller caller_;
    Claim claim_;
    std::shared_ptr<RequestMemory> memory_;  // from enter() on
    bool entered_ = false;
    ImageRequest request_;
    std::string_view model_asked_;
    Wishes wishes_;

    std::shared_ptr<const Catalogue> catalogue_;
    Plan plan_;
    Journal journal_;
    Expense expense_;
    std::optional<Effort> effort_;
    std::unique_ptr<Execution> execution_;
    Made made_;           // the success, while it is brought into the asked form
    ImageResult result_;  // its images
    Bill bill_;
    bool billed_ = false;  // what was made is accounted for
    std::unique_ptr<PictureDelivery> delivery_;
    AnswerForm form_;
    // How the answer goes out, if not as one document when all is known:
    std::unique_ptr<StreamReply> stream_;
    std::unique_ptr<PassedReply> passed_;
    bool held_ = false;  // the client is behind
    std::unique_ptr<Timer> deadline_timer_;
    std::optional<bool> may_still_be_working_;
    int64_t images_told_ = 0;        // when all was let go of
    int64_t images_withheld_ = 0;    // that were made, and are in no answer
    std::optional<Cost> lost_cost_;  // of what was made and is not answered with
    std::string_view outcome_;
    std::function<void(Answer)> answer_;
};

}  // namespace gateway

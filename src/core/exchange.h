// The story of one request. The adapter tells it what happens; it tells the adapter what to answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/access/identify.h"
#include "core/catalog/fit.h"
#include "core/limits/ledger.h"
#include "core/ports.h"
#include "core/providers/attempt.h"
#include "core/request/decode.h"
#include "core/response/answer.h"
#include "core/response/delivery.h"
#include "core/routing/decide.h"
#include "core/routing/model_map.h"
#include "core/routing/plan.h"
#include "core/routing/prepare.h"

namespace gateway {

// What a location's configuration says.
struct Policy {
    AuthMode auth = AuthMode::required;
    std::shared_ptr<const KeyRing> keys;
    const Profile *profile = &unified_profile();
    UnknownFields unknown_fields;
    FitMode fit = FitMode::adapt;
    bool raw = false;                  // callers may see what goes over the wire
    std::shared_ptr<Hosting> hosting;  // null: no pictures are kept
    std::shared_ptr<const FetchRules> fetch_rules = std::make_shared<const FetchRules>();
    std::string default_model;
    Milliseconds deadline{590'000};
    size_t answer_max = 0;
};

class Exchange {
 public:
    // Everything referred to must outlive the exchange.
    Exchange(const ModelMap &models, const Policy &policy, Ledger &ledger, const Ports &ports,
             int32_t process);
    ~Exchange();
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    // The steps, in the order in which the adapter takes them. An error is the answer.
    tl::expected<void, ApiError> identify(const RequestHead &head);
    tl::expected<void, ApiError> enter();
    // The other thing that a caller may ask for: which models there are, or one of them.
    [[nodiscard]] Answer list_models() const;
    [[nodiscard]] tl::expected<Answer, ApiError> describe_model(std::string_view name) const;

    // The rest. `answer` is called once, unless the exchange is destroyed before: then all is
    // cancelled. The exchange may be destroyed after it, but not from within it.
    void run(std::string_view body, std::function<void(Answer)> answer);

    // The client left: cancels what runs and gives back what was reserved. What has happened can
    // still be read.
    void cancel() noexcept;

    // The end before the body was understood, by our own or by nginx's decision.
    Answer refuse(const ApiError &error);

    [[nodiscard]] const RequestHead &head() const { return head_; }

    // For log variables.
    [[nodiscard]] const std::string &request_id() const { return request_id_; }
    [[nodiscard]] std::string_view caller_id() const { return caller_.id(); }
    [[nodiscard]] const std::vector<AttemptRecord> &attempts() const { return attempts_; }
    [[nodiscard]] int64_t upstream_milliseconds() const { return upstream_time_.count(); }
    [[nodiscard]] std::string_view outcome() const { return outcome_; }
    [[nodiscard]] int64_t milliseconds() const { return (ports_.clock.now() - began_).count(); }

 private:
    tl::expected<void, ApiError> understand(std::string_view body);
    [[nodiscard]] std::string_view default_model() const;
    tl::expected<void, ApiError> plan();
    tl::expected<void, ApiError> reserve();
    void attempt();
    [[nodiscard]] const Candidate &candidate() const { return plan_.candidates[candidate_]; }
    [[nodiscard]] bool is_strict() const {
        return wishes_.strict || policy_.fit == FitMode::strict;
    }
    bool fit_to_candidate();
    tl::expected<void, ApiError> top_up();
    void attempt_with(const ProviderKey *key);
    void on_outcome(Outcome outcome);
    void record(const Outcome &outcome);
    void deliver(Outcome outcome);
    [[nodiscard]] DeliveryWish delivery_wish() const;
    [[nodiscard]] std::optional<ApiError> undelivered() const;
    void unify();
    void settle(int64_t images_made) noexcept;
    void fail(const ApiError &error);
    void finish(Answer answer);
    void on_deadline();

    [[nodiscard]] Answer answer_for(const ApiError &error) const;
    [[nodiscard]] AnswerFacts facts() const;
    [[nodiscard]] Moment moment() const;
    void add_quota_headers(Answer &answer) const;

    const ModelMap &models_;
    const Policy &policy_;
    Ledger &ledger_;
    const Ports &ports_;
    int32_t process_;

    std::string request_id_;
    Milliseconds began_{0};
    Milliseconds deadline_{0};
    RequestHead head_;
    Caller caller_;
    Account account_{};
    Admission admission_;
    int64_t images_reserved_ = 0;
    int64_t images_spent_ = 0;  // by attempts that may have been billed
    Moment reserved_at_;
    ImageRequest request_;
    std::string_view model_asked_;
    Wishes wishes_;

    std::shared_ptr<const Catalogue> catalogue_;
    Plan plan_;
    size_t candidate_ = 0;
    std::vector<size_t> key_order_;  // of the current candidate's provider
    size_t key_ = 0;
    Prepared prepared_;               // the current candidate
    std::optional<ApiError> misfit_;  // the first candidate that could not take the request
    std::optional<Milliseconds> shortest_wait_;

    std::unique_ptr<Attempt> running_;
    std::unique_ptr<Attempt> finished_;  // kept until its callback has returned
    Outcome made_;                       // the success, while it is brought into the asked form
    std::unique_ptr<PictureDelivery> delivery_;
    std::unique_ptr<Timer> deadline_timer_;
    Milliseconds attempt_began_{0};
    Milliseconds upstream_time_{0};
    std::vector<AttemptRecord> attempts_;
    std::string_view outcome_;
    std::function<void(Answer)> answer_;
};

}  // namespace gateway

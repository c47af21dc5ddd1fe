#include "core/exchange.h"

#include <algorithm>
#include <utility>

#include "core/request_id.h"
#include "core/response/failure.h"
#include "core/response/made.h"
#include "core/response/models.h"
#include "core/response/success.h"

namespace gateway {

Exchange::Exchange(const ModelMap &models, const Policy &policy, Ledger &ledger, Health &health,
                   const Ports &ports, int32_t process)
    : models_(models),
      policy_(policy),
      ledger_(ledger),
      health_(health),
      ports_(ports),
      process_(process),
      request_id_(new_request_id(ports.random)),
      began_(ports.clock.now()),
      deadline_(policy.deadline),
      catalogue_(models.catalogue()),
      journal_(ports, request_id_) {}

Exchange::~Exchange() {
    cancel();
}

void Exchange::cancel() noexcept {
    if (execution_ != nullptr && execution_->running()) {
        // The provider may go on, and bill.
        execution_->drop();
        outcome_ = "client_gone";
    }
    settle(static_cast<int64_t>(result_.images.size()));
    delivery_.reset();
}

// ---- 1. identify: who is asking?

tl::expected<void, ApiError> Exchange::identify(const RequestHead &head) {
    head_ = head;
    auto caller = gateway::identify(head, policy_.auth, policy_.keys, ports_.clock.unix_seconds());
    if (!caller) {
        return tl::unexpected(std::move(caller.error()));
    }
    caller_ = std::move(*caller);
    return {};
}

// ---- 2. enter: may they have another request now?

tl::expected<void, ApiError> Exchange::enter() {
    const auto wishes = read_wishes(head_);
    if (!wishes) {
        return tl::unexpected(wishes.error());
    }
    wishes_ = *wishes;
    deadline_ = std::min(deadline_, wishes_.timeout.value_or(deadline_));
    if (caller_.key == nullptr) {
        return {};
    }
    account_ = account_of(*caller_.key);
    // A worker gives its leases back, or is found dead; the time is for a process number that is
    // used again.
    constexpr int64_t kGrace = 3'600'000;
    auto admission = ledger_.enter(account_, caller_.key->limits, moment(), process_,
                                   deadline_.count() + kGrace);
    if (!admission) {
        ApiError error = ApiError::of(429, "rate_limit_exceeded", admission.error().message);
        error.retry_after = admission.error().retry_after;
        return tl::unexpected(std::move(error));
    }
    admission_ = *admission;
    return {};
}

// ---- which models are there? Asked instead of all that follows.

Answer Exchange::list_models() const {
    Answer answer;
    answer.body =
        Bytes::own(write_models({models_, *catalogue_, caller_}, ports_.clock.unix_seconds()));
    return answer;
}

tl::expected<Answer, ApiError> Exchange::describe_model(std::string_view name) const {
    auto written = write_model({models_, *catalogue_, caller_}, name, ports_.clock.unix_seconds());
    if (!written) {
        return tl::unexpected(std::move(written.error()));
    }
    Answer answer;
    answer.body = Bytes::own(std::move(*written));
    return answer;
}

// ---- the rest, once the body is there

void Exchange::run(std::string_view body, std::function<void(Answer)> answer) {
    answer_ = std::move(answer);
    const Milliseconds left = deadline_ - (ports_.clock.now() - began_);
    deadline_timer_ =
        ports_.loop.start_timer(std::max(left, Milliseconds(0)), [this] { on_deadline(); });
    const auto ready = understand(body).and_then([this] { return plan(); }).and_then([this] {
        return reserve(request_.params.integer(Param::n, 1));
    });
    if (!ready) {
        fail(ready.error());
        return;
    }
    execute();
}

// ---- 3. understand: what do they want?

tl::expected<void, ApiError> Exchange::understand(std::string_view body) {
    if (!head_.path_model.empty() && !is_model_name(head_.path_model)) {
        return tl::unexpected(
            ApiError::of(400, "invalid_value", "The model in the path is not a name.", "model"));
    }
    auto request =
        decode_request(body, {*policy_.profile, policy_.unknown_fields, !head_.path_model.empty()});
    if (!request) {
        return tl::unexpected(std::move(request.error()));
    }
    request_ = std::move(*request);
    model_asked_ = !head_.path_model.empty() ? head_.path_model : std::string_view(request_.model);
    if (model_asked_.empty()) {
        model_asked_ = default_model();
    }
    if (model_asked_.empty()) {
        return tl::unexpected(ApiError::of(
            400, "missing_required_parameter",
            "Missing required parameter: 'model'; this gateway has no default.", "model"));
    }
    return {};
}

// The location's, the profile's if there is such a model, or the alias "auto".
std::string_view Exchange::default_model() const {
    if (!policy_.default_model.empty()) {
        return policy_.default_model;
    }
    const Field *field = policy_.profile->field("model");
    if (field != nullptr && !field->otherwise.empty() && models_.knows(field->otherwise)) {
        return field->otherwise;
    }
    return models_.alias("auto") != nullptr ? "auto" : "";
}

// ---- 4. plan: who can make it?

tl::expected<void, ApiError> Exchange::plan() {
    auto plan = make_plan(models_, caller_, model_asked_, request_.fallbacks, ports_.random);
    if (!plan) {
        return tl::unexpected(std::move(plan.error()));
    }
    plan_ = std::move(*plan);
    return {};
}

// ---- 6. reserve: is there room for these images?

tl::expected<void, ApiError> Exchange::reserve(int64_t images) {
    if (caller_.key == nullptr) {
        return {};
    }
    reserved_at_ = moment();
    auto reserved = ledger_.reserve_images(account_, caller_.key->limits, images, reserved_at_);
    if (!reserved) {
        ApiError error = ApiError::of(429, "rate_limit_exceeded", reserved.error().message);
        error.retry_after = reserved.error().retry_after;
        return tl::unexpected(std::move(error));
    }
    admission_.images = *reserved;
    images_reserved_ += images;
    return {};
}

// ---- 7 and 8. attempt, and decide what next: told in core/routing/execution

void Exchange::execute() {
    const bool show_wire = policy_.raw && (wishes_.raw_request || wishes_.raw_response);
    const std::string_view client_id =
        head_.request_id.empty() ? std::string_view(request_id_) : head_.request_id;
    effort_.emplace(Effort{ports_, health_, journal_, began_ + deadline_, plan_.choice,
                           policy_.answer_max, show_wire, client_id, head_.idempotency_key,
                           head_.traceparent});
    execution_ =
        std::make_unique<Execution>(*effort_, plan_, model_asked_, static_cast<Story &>(*this));
    execution_->start();
}

// ---- 5. fit: what each candidate is sent of the request

tl::expected<Prepared, ApiError> Exchange::prepare(const Candidate &candidate) {
    return gateway::prepare(candidate,
                            {request_, *catalogue_, is_strict() ? FitMode::strict : FitMode::adapt,
                             model_asked_, head_.on_behalf_of, ports_.clock.unix_seconds()});
}

// What is made now comes on top of what may have been made, and billed, before.
tl::expected<void, ApiError> Exchange::cover(const Prepared &prepared) {
    const int64_t missing = journal_.images_lost() + prepared.images() - images_reserved_;
    return missing > 0 ? reserve(missing) : tl::expected<void, ApiError>();
}

void Exchange::on_made(Made made) {
    made_ = std::move(made);
    result_ = gather(made_.calls);
    outcome_ = name_of(OutcomeType::made);
    const auto count = static_cast<int64_t>(result_.images.size());
    if (is_strict() && count < made_.prepared->images()) {
        fail_billed(error_incomplete(made_.prepared->images(), count, made_.missing));
        return;
    }
    deliver();
}

void Exchange::on_failed(const ApiError &error) {
    if (!journal_.attempts().empty()) {
        outcome_ = name_of(journal_.attempts().back().outcome);
    }
    fail(error);
}

// ---- 9. unify: one shape for every answer

void Exchange::deliver() {
    note_lifetimes(result_, *made_.prepared->spec, ports_.clock.unix_seconds());
    DeliveryWish wish = delivery_wish();
    if (!PictureDelivery::is_needed(result_, wish)) {
        unify();
        return;
    }
    delivery_ =
        std::make_unique<PictureDelivery>(ports_, result_, std::move(wish), [this] { unify(); });
}

DeliveryWish Exchange::delivery_wish() const {
    const std::string_view form = request_.params.text(Param::response_format);
    DeliveryWish wish;
    if (!form.empty()) {
        wish.form = form == "url" ? DeliveryWish::Form::links : DeliveryWish::Form::bytes;
    }
    if (policy_.hosting != nullptr) {
        const std::string &address = policy_.hosting->public_url;
        wish.base_url = address.empty() ? head_.base_url : address;
        // Without an address of our own there are no links to us.
        wish.hosting = wish.base_url.empty() ? nullptr : policy_.hosting.get();
    }
    const Provider &provider = *made_.candidate->provider;
    constexpr Milliseconds kLongest{60'000};
    wish.rules = policy_.fetch_rules;
    wish.timeouts = provider.timeouts;
    wish.timeouts.total = std::min(wish.timeouts.total, kLongest);
    wish.most = provider.answer_max != 0 ? provider.answer_max : policy_.answer_max;
    wish.ca_file = provider.ca_file;
    return wish;
}

// Strict: an answer in another form than the asked one is none.
std::optional<ApiError> Exchange::undelivered() const {
    if (delivery_ == nullptr || delivery_->problems().empty() || !is_strict() ||
        !request_.params.is_asked(Param::response_format)) {
        return std::nullopt;
    }
    const PictureDelivery::Problem &first = delivery_->problems().front();
    switch (first.trouble) {
        case PictureDelivery::Trouble::store_full: return ApiError::of(507);
        case PictureDelivery::Trouble::not_kept:
            return ApiError::of(500, "picture_not_kept", "The picture could not be kept.");
        case PictureDelivery::Trouble::not_fetched: break;
    }
    return ApiError::of(
        502, "picture_not_fetched",
        "The picture was made, but its link could not be fetched: " + first.why + ".");
}

void Exchange::unify() {
    if (const auto error = undelivered()) {
        fail_billed(*error);
        return;
    }
    Success success{request_, made_, result_, wishes_,
                    delivery_ == nullptr ? nullptr : &delivery_->problems()};
    Answer answer;
    answer.body = write_success(success, facts());
    settle(static_cast<int64_t>(result_.images.size()));
    finish(std::move(answer));
}

// Pictures were made, but there is no answer with them.
void Exchange::fail_billed(const ApiError &error) {
    lost_cost_ = bill_of(made_, result_).cost;
    journal_.lose(static_cast<int64_t>(result_.images.size()));
    result_.images.clear();
    fail(error);
}

// ---- 10. settle: what really happened

void Exchange::settle(int64_t images_made) noexcept {
    deadline_timer_.reset();
    ledger_.leave(std::exchange(admission_.lease, LeaseHandle()));
    const int64_t used = images_made + journal_.images_lost();
    const int64_t unused = std::exchange(images_reserved_, 0) - used;
    if (unused > 0) {
        ledger_.give_back_images(account_, unused, reserved_at_);
        admission_.images.remaining =
            std::min(admission_.images.limit, admission_.images.remaining + unused);
    }
}

// ---- errors and endings

void Exchange::on_deadline() {
    if (delivery_ != nullptr) {
        // The images are made: what is missing is only their form.
        delivery_->give_up();
        unify();
        return;
    }
    if (execution_ != nullptr) {
        execution_->expire();
        return;
    }
    fail(error_too_late(deadline_, false));
}

void Exchange::on_too_late() {
    on_failed(error_too_late(deadline_, journal_.may_still_be_working()));
}

void Exchange::fail(const ApiError &error) {
    if (outcome_.empty()) {
        outcome_ = "refused";
    }
    if (error.status == 504) {
        may_still_be_working_ = journal_.may_still_be_working();
    }
    settle(0);
    finish(answer_for(error));
}

void Exchange::finish(Answer answer) {
    add_quota_headers(answer);
    std::exchange(answer_, nullptr)(std::move(answer));
}

Answer Exchange::refuse(const ApiError &error) {
    cancel();
    if (outcome_.empty()) {
        outcome_ = "refused";
    }
    Answer answer = answer_for(error);
    add_quota_headers(answer);
    return answer;
}

Answer Exchange::answer_for(const ApiError &error) const {
    Answer answer;
    answer.status = error.status;
    if (error.retry_after) {
        answer.headers.emplace_back("Retry-After", std::to_string(std::max(1, *error.retry_after)));
    }
    if (error.status == 401) {
        answer.headers.emplace_back("WWW-Authenticate", "Bearer");
    }
    AnswerFacts facts = this->facts();
    facts.adjustments = &request_.adjustments;
    answer.body = Bytes::own(write_error(error, facts));
    return answer;
}

AnswerFacts Exchange::facts() const {
    AnswerFacts facts;
    facts.request_id = request_id_;
    facts.created = ports_.clock.unix_seconds();
    facts.model_requested = model_asked_;
    facts.journal = &journal_;
    facts.may_still_be_working = may_still_be_working_;
    facts.cost = lost_cost_;
    facts.latency = milliseconds();
    return facts;
}

Moment Exchange::moment() const {
    return {ports_.clock.unix_seconds(), ports_.clock.now().count()};
}

void Exchange::add_quota_headers(Answer &answer) const {
    const auto add = [&](const Quota &quota, const std::string &what) {
        if (quota.limit != 0) {
            answer.headers.emplace_back("x-ratelimit-limit-" + what, std::to_string(quota.limit));
            answer.headers.emplace_back("x-ratelimit-remaining-" + what,
                                        std::to_string(quota.remaining));
            answer.headers.emplace_back("x-ratelimit-reset-" + what,
                                        std::to_string(quota.reset_seconds) + "s");
        }
    };
    add(admission_.requests, "requests");
    add(admission_.images, "images");
}

}  // namespace gateway

#include "core/exchange.h"

#include <algorithm>
#include <utility>

#include "core/request_id.h"
#include "core/response/failure.h"
#include "core/response/made.h"
#include "core/response/models.h"
#include "core/response/success.h"

namespace gateway {

namespace {

constexpr int kOk = 200;

}  // namespace

Exchange::Exchange(const ModelMap &models, const Policy &policy, Ledger &ledger, Health &health,
                   const Ports &ports, int32_t process)
    : models_(models),
      policy_(policy),
      health_(health),
      ports_(ports),
      request_id_(new_request_id(ports.random)),
      began_(ports.clock.now()),
      deadline_(policy.deadline),
      claim_(ledger, ports.clock, process),
      catalogue_(models.catalogue()),
      journal_(ports, request_id_),
      expense_(journal_) {}

Exchange::~Exchange() {
    cancel();
}

void Exchange::cancel() noexcept {
    if (execution_ != nullptr && execution_->running()) {
        // The provider may go on, and bill.
        execution_->drop();
        outcome_ = "client_gone";
    }
    constexpr int kClientGone = 499;
    settle(kClientGone);
    delivery_.reset();
    stream_.reset();
}

// ---- 1. identify: who is asking?

tl::expected<void, ApiError> Exchange::identify(const RequestHead &head) {
    head_ = head;
    auto caller = gateway::identify(head, policy_.auth, {policy_.keys, policy_.tokens.get()},
                                    ports_.clock.unix_seconds());
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
    if (ports_.book != nullptr && !ports_.book->is_open()) {
        ApiError error = ApiError::of(503, "usage_not_recorded",
                                      "What is used cannot be written down just now.");
        error.retry_after = 1;
        return tl::unexpected(std::move(error));
    }
    const auto entered = claim_.enter(parties_of(caller_, head_, policy_.limits), deadline_);
    if (!entered) {
        return tl::unexpected(error_exceeded(entered.error()));
    }
    entered_ = true;
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
    const auto ready =
        understand(body).and_then([this] { return plan(); }).and_then([this] { return reserve(); });
    if (!ready) {
        fail(ready.error());
        return;
    }
    if (request_.params[Param::stream] == ParamValue(true)) {
        begin_stream();
    }
    execute();
}

// What goes wrong before its head is sent is an answer like any other.
void Exchange::begin_stream() {
    stream_ = std::make_unique<EventStream>(
        ports_.loop, policy_.heartbeat, [this](Answer &head) { add_quota_headers(head); },
        [this](Answer part) { answer_(std::move(part)); });
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

// ---- 6. reserve: is there room for these images, and money?

tl::expected<void, ApiError> Exchange::reserve() {
    const auto covered =
        claim_.cover(request_.params.integer(Param::n, 1), claim_.has_budget() ? dearest() : 0);
    return covered ? tl::expected<void, ApiError>()
                   : tl::unexpected(error_exceeded(covered.error()));
}

// The most that any of the candidates can cost that may be asked: whoever begins can finish.
MicroUsd Exchange::dearest() {
    MicroUsd most = 0;
    for (const Candidate &candidate : plan_.candidates) {
        if (const auto prepared = prepare(candidate)) {
            most = std::max(most, most_cost(*prepared).value_or(0));
        }
    }
    return most;
}

// ---- 7 and 8. attempt, and decide what next: told in core/routing/execution

void Exchange::execute() {
    const bool show_wire = policy_.raw && (wishes_.raw_request || wishes_.raw_response);
    const std::string_view client_id =
        head_.request_id.empty() ? std::string_view(request_id_) : head_.request_id;
    effort_.emplace(Effort{ports_, health_, journal_, began_ + deadline_, plan_.choice,
                           policy_.answer_max, show_wire, client_id, head_.idempotency_key,
                           head_.traceparent, nullptr});
    if (stream_ != nullptr) {
        effort_->on_preview = [this](const Candidate &candidate, const Preview &preview) {
            on_preview(candidate, preview);
        };
    }
    execution_ =
        std::make_unique<Execution>(*effort_, plan_, model_asked_, static_cast<Story &>(*this));
    execution_->start();
}

// ---- 5. fit: what each candidate is sent of the request

tl::expected<Prepared, ApiError> Exchange::prepare(const Candidate &candidate) {
    auto prepared = gateway::prepare(
        candidate, {request_, *catalogue_, is_strict() ? FitMode::strict : FitMode::adapt,
                    model_asked_, head_.on_behalf_of, ports_.clock.unix_seconds()});
    const bool must_be_priced = claim_.has_budget() && !caller_.key->may_use_unpriced;
    if (prepared && must_be_priced && !most_cost(*prepared)) {
        return tl::unexpected(ApiError::of(403, "unpriced_model",
                                           "The price of the model '" + candidate.name() +
                                               "' is not known, and this key has a budget.",
                                           "model"));
    }
    return prepared;
}

// What is made now comes on top of what may have been made, and billed, before.
tl::expected<void, Uncovered> Exchange::cover(const Candidate &candidate,
                                              const Prepared &prepared) {
    if (ports_.upstream.memory_held() > policy_.memory) {
        return tl::unexpected(Uncovered{error_overloaded(
            "This gateway holds as many pictures as it has memory for; clients are taking them.")});
    }
    expense_.ask(prepared);
    const int64_t lost = journal_.images_lost();
    if (const auto covered =
            claim_.cover(lost + prepared.images(), claim_.has_budget() ? expense_.most() : 0);
        !covered) {
        return tl::unexpected(Uncovered{error_exceeded(covered.error()), false});
    }
    if (const auto covered = claim_.cover_models(model_parties_of(caller_, candidate.name()),
                                                 prepared.images(), lost);
        !covered) {
        return tl::unexpected(Uncovered{error_exceeded(covered.error()), true});
    }
    return {};
}

void Exchange::on_made(Made made) {
    made_ = std::move(made);
    result_ = gather(made_.calls);
    outcome_ = name_of(OutcomeType::made);
    take_bill();
    const auto count = static_cast<int64_t>(result_.images.size());
    if (is_strict() && count < made_.prepared->images()) {
        fail_billed(error_incomplete(made_.prepared->images(), count, made_.missing));
        return;
    }
    deliver();
}

void Exchange::on_preview(const Candidate &candidate, const Preview &preview) {
    if (preview.number >= request_.params.integer(Param::partial_images, 0)) {
        return;  // some send them unasked
    }
    AnswerFacts facts = this->facts();
    facts.journal = nullptr;
    const EventPlace place = stream_->count().next(preview.image.index, facts.latency);
    facts.chunk_index = place.chunk_index;
    facts.latency = place.latency;
    Bytes event;
    append_event(
        event, "image_generation.partial_image",
        write_partial(preview, facts, response_form(), candidate.provider->name, candidate.model));
    stream_->send(std::move(event));
}

void Exchange::take_bill() {
    bill_ = bill_of(made_, result_);
    expense_.make(static_cast<int64_t>(result_.images.size()), bill_.cost.usd);
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

// On a stream pictures are bytes, unless links were asked for in so many words.
std::string_view Exchange::response_form() const {
    const std::string_view form = request_.params.text(Param::response_format);
    const bool links = form == "url" && request_.params.is_asked(Param::response_format);
    return stream_ == nullptr ? form : links ? "url" : "b64_json";
}

DeliveryWish Exchange::delivery_wish() const {
    const std::string_view form = response_form();
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
    if (delivery_ != nullptr) {
        take_bill();  // the bytes behind links tell more
    }
    Success success{request_,
                    made_,
                    result_,
                    response_form(),
                    wishes_,
                    bill_,
                    delivery_ == nullptr ? nullptr : &delivery_->problems()};
    if (stream_ != nullptr) {
        finish_stream(write_success_events(success, facts(), stream_->count()), kOk);
        return;
    }
    Answer answer;
    answer.body = write_success(success, facts());
    finish(std::move(answer));
}

// Pictures were made, but there is no answer with them.
void Exchange::fail_billed(const ApiError &error) {
    lost_cost_ = bill_.cost;
    images_withheld_ = static_cast<int64_t>(result_.images.size());
    result_.images.clear();
    fail(error);
}

// ---- 10. settle: what really happened

void Exchange::settle(int status) noexcept {
    deadline_timer_.reset();
    if (!std::exchange(entered_, false)) {
        return;
    }
    auto day_counts =
        claim_.settle(static_cast<int64_t>(result_.images.size()), images_lost(), expense_.total());
    if (ports_.book != nullptr) {
        write_down(status, std::move(day_counts));
    }
}

void Exchange::write_down(int status, std::vector<UsageRecord::DayCount> day_counts) {
    UsageRecord record;
    record.unix_milliseconds = ports_.clock.unix_seconds() * 1000;
    record.request_id = request_id_;
    record.key = caller_.id();
    record.end_user = head_.on_behalf_of;
    record.model_asked = model_asked_;
    if (!journal_.attempts().empty()) {
        record.provider = journal_.attempts().back().provider;
        record.model = journal_.attempts().back().model;
    }
    record.images = static_cast<int64_t>(result_.images.size());
    record.images_lost = images_lost();
    record.cost = bill_.cost.usd;
    record.counted = expense_.total();
    record.latency = milliseconds();
    record.status = status;
    record.outcome = outcome_;
    record.day_counts = std::move(day_counts);
    ports_.book->write(std::move(record));
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
    if (stream_ != nullptr && stream_->has_begun()) {
        Bytes event;
        append_event(event, "error", Bytes::own(write_error_event(error, failure_facts())));
        finish_stream(std::move(event), error.status);
        return;
    }
    stream_.reset();
    finish(answer_for(error));
}

void Exchange::finish_stream(Bytes events, int status) {
    settle(status);
    stream_->end(std::move(events));
    answer_ = nullptr;
}

void Exchange::finish(Answer answer) {
    settle(answer.status);
    add_quota_headers(answer);
    std::exchange(answer_, nullptr)(std::move(answer));
}

Answer Exchange::refuse(const ApiError &error) {
    if (outcome_.empty()) {
        outcome_ = "refused";
    }
    settle(error.status);
    cancel();
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
        const bool of_a_token = error.code == "invalid_token" || error.code == "expired_token";
        answer.headers.emplace_back("WWW-Authenticate",
                                    of_a_token ? "Bearer error=\"invalid_token\"" : "Bearer");
    }
    answer.body = Bytes::own(write_error(error, failure_facts()));
    return answer;
}

AnswerFacts Exchange::failure_facts() const {
    AnswerFacts facts = this->facts();
    facts.adjustments = &request_.adjustments;
    return facts;
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
    add(claim_.quotas().requests, "requests");
    add(claim_.quotas().images, "images");
}

}  // namespace gateway

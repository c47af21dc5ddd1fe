#include "core/exchange/exchange.h"

#include <algorithm>
#include <utility>

#include "core/request_id.h"
#include "core/response/made.h"
#include "core/response/models.h"
#include "core/response/success.h"
#include "core/routing/failure.h"

namespace gateway {

namespace {

constexpr int kOk = 200;
constexpr size_t kCopiesOfBody = 3;  // as it came, as it is understood, and as it is sent
constexpr size_t kMostUnsent = size_t{256} * 1024;

ApiError error_memory_held() {
    return error_overloaded(
        "This gateway holds as many pictures as it has memory for; clients are taking them.");
}

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
    if (stream_ != nullptr && !billed_) {
        journal_.lose(stream_->untold());
    }
    constexpr int kClientGone = 499;
    settle(kClientGone);
    delivery_.reset();
    images_told_ = images_answered();
    result_.images.clear();
    stream_.reset();
    passed_.reset();
}

// ---- 1. identify: who is asking?

tl::expected<void, ApiError> Exchange::identify(const RequestHead &head) {
    head_ = head;
    model_asked_ = is_model_name(head_.path_model) ? head_.path_model : std::string_view();
    auto caller = gateway::identify(head, policy_.auth, {policy_.keys, policy_.tokens.get()},
                                    ports_.clock.unix_seconds());
    if (!caller) {
        return tl::unexpected(std::move(caller.error()));
    }
    caller_ = std::move(*caller);
    if (!models_.has_catalogue()) {
        ApiError error = ApiError::of(503, "catalogue_unavailable",
                                      "The catalogue of models is not known just now.");
        error.retry_after = 1;
        return tl::unexpected(std::move(error));
    }
    return {};
}

// ---- 2. enter: may they have another request now?

tl::expected<void, ApiError> Exchange::enter(size_t body_size) {
    memory_ = ports_.memory.open(memory_owner_of(caller_, head_));
    const size_t copies = kCopiesOfBody * body_size;
    if (!memory_->may_begin() || !memory_->may_hold(copies)) {
        return tl::unexpected(error_memory_held());
    }
    memory_->hold(copies);
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
    const std::vector<Party> parties = parties_of(caller_, head_, policy_.limits);
    if (ports_.book != nullptr && !ports_.book->knows_past() && depends_on_past(caller_, parties)) {
        ApiError error = ApiError::of(503, "usage_not_known",
                                      "What this key has used before is not known just now.");
        error.retry_after = 1;
        return tl::unexpected(std::move(error));
    }
    const auto entered = claim_.enter(parties, deadline_);
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
    memory_->hold(kCopiesOfBody * body.size());
    const Milliseconds left = deadline_ - (ports_.clock.now() - began_);
    deadline_timer_ =
        ports_.loop.start_timer(std::max(left, Milliseconds(0)), [this] { on_deadline(); });
    const auto ready =
        understand(body).and_then([this] { return plan(); }).and_then([this] { return reserve(); });
    if (!ready) {
        fail(ready.error());
        return;
    }
    begin_reply();
    execute();
}

// What goes wrong before its head is sent is an answer like any other.
void Exchange::begin_reply() {
    form_ = answer_form();
    const auto facts = [this] { return this->facts(); };
    const auto head = [this](Answer &answer) { add_quota_headers(answer); };
    const auto send = [this](Answer part) { answer_(std::move(part)); };
    if (is_stream()) {
        stream_ = std::make_unique<StreamReply>(
            StreamReply::Context{ports_, request_, form_, facts}, policy_.heartbeat, head, send);
    } else if (may_pass_on()) {
        passed_ = std::make_unique<PassedReply>(facts, head, send);
    }
}

bool Exchange::is_stream() const {
    return request_.params[Param::stream] == ParamValue(true);
}

// Only to a client that can tell a whole answer from one that has broken off.
bool Exchange::may_pass_on() const {
    return !policy_.buffering && head_.marks_end && !shows_wire() && form_.format != "url" &&
           request_.params.integer(Param::n, 1) == 1;
}

bool Exchange::shows_wire() const {
    return policy_.raw && (wishes_.raw_request || wishes_.raw_response);
}

// On a stream pictures are bytes, unless links were asked for in so many words.
AnswerForm Exchange::answer_form() const {
    const std::string_view asked = request_.params.text(Param::response_format);
    const bool in_words = request_.params.is_asked(Param::response_format);
    AnswerForm form;
    form.format = !is_stream() ? asked : asked == "url" && in_words ? "url" : "b64_json";
    form.only_so = is_strict() && in_words;
    if (policy_.hosting != nullptr) {
        const std::string &address = policy_.hosting->public_url;
        form.hosting = policy_.hosting.get();
        form.base_url = address.empty() ? head_.base_url : address;
    }
    form.fetch_rules = policy_.fetch_rules;
    form.answer_max = policy_.answer_max;
    form.memory = memory_;
    return form;
}

// ---- 3. understand: what do they want?

tl::expected<void, ApiError> Exchange::understand(std::string_view body) {
    if (!head_.path_model.empty() && !is_model_name(head_.path_model)) {
        return tl::unexpected(
            ApiError::of(400, "invalid_value", "The model in the path is not a name.", "model"));
    }
    auto request =
        decode_request(body, {*policy_.profile, policy_.unknown_fields, !head_.path_model.empty()});
    if (request) {
        request_ = std::move(*request);
    } else {
        request_.model = request.error().model;
    }
    if (model_asked_.empty()) {
        model_asked_ = request_.model;
    }
    if (!request) {
        return tl::unexpected(std::move(request.error()));
    }
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
    const std::string_view client_id =
        head_.request_id.empty() ? std::string_view(request_id_) : head_.request_id;
    Showing *showing = stream_ != nullptr || passed_ != nullptr ? this : nullptr;
    effort_.emplace(Effort{
        ports_, health_, journal_, began_ + deadline_, plan_.choice, policy_.answer_max,
        shows_wire(), client_id,
        RequestIdentity{caller_.id(), head_.on_behalf_of, head_.idempotency_key, request_id_},
        head_.traceparent, memory_, showing, request_.params.integer(Param::partial_images, 0)});
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
    if (!memory_->may_begin()) {
        return tl::unexpected(Uncovered{error_memory_held()});
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

// ---- what the caller sees before all is made

void Exchange::show_preview(const Candidate &candidate, const Prepared &prepared, Preview preview) {
    stream_->show_preview(candidate, prepared, std::move(preview));
}

void Exchange::show_image(const Candidate &candidate, const Prepared &prepared, ImageResult image) {
    stream_->show_image(candidate, prepared, std::move(image));
}

void Exchange::show_piece(const Candidate &candidate, Bytes piece) {
    passed_->show_piece(candidate, piece);
}

void Exchange::note_unsent(size_t bytes) {
    const bool is_behind = bytes >= (held_ ? kMostUnsent / 2 : kMostUnsent);
    if ((is_behind || held_) && execution_ != nullptr) {
        held_ = is_behind;
        execution_->hold(held_);  // also calls that have begun since
    }
}

int64_t Exchange::images_answered() const {
    if (!billed_ && stream_ != nullptr) {
        return stream_->told();
    }
    return images_told_ + static_cast<int64_t>(result_.images.size());
}

// ---- the pictures are made

void Exchange::on_made(Made made) {
    made_ = std::move(made);
    if (stream_ != nullptr) {
        stream_->when_settled([this] { gather_made(); });
    } else {
        gather_made();
    }
}

void Exchange::gather_made() {
    result_ = gather(made_.calls);
    outcome_ = name_of(OutcomeType::made);
    bool is_shown = true;  // as it was made
    if (stream_ != nullptr) {
        stream_->recall(result_);
    } else if (passed_ != nullptr && passed_->has_begun()) {
        is_shown = passed_->recall(result_);
    }
    take_bill();
    const auto count = static_cast<int64_t>(result_.images.size());
    if (!is_shown) {
        outcome_ = name_of(OutcomeType::unknown);
        fail_billed(ApiError::of(502, "unreadable_answer",
                                 "What was made is not what came first, or not whole."));
    } else if (stream_ != nullptr && stream_->trouble()) {
        fail_billed(*stream_->trouble());
    } else if (is_strict() && count < made_.prepared->images()) {
        fail_billed(error_incomplete(made_.prepared->images(), count, made_.missing));
    } else {
        deliver();
    }
}

void Exchange::take_bill() {
    bill_ = bill_of(made_, result_);
    expense_.make(static_cast<int64_t>(result_.images.size()), bill_.cost.usd);
    billed_ = true;
    journal_.take_home();
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
    DeliveryWish wish = form_.wish_for(*made_.candidate->provider);
    if (!PictureDelivery::is_needed(result_, wish)) {
        unify();
        return;
    }
    delivery_ =
        std::make_unique<PictureDelivery>(ports_, result_, std::move(wish), [this] { unify(); });
}

void Exchange::unify() {
    if (form_.only_so && delivery_ != nullptr && !delivery_->problems().empty()) {
        fail_billed(error_undelivered(delivery_->problems().front()));
        return;
    }
    if (delivery_ != nullptr) {
        take_bill();  // the bytes behind links tell more
    }
    Success success{request_,
                    made_,
                    result_,
                    form_.format,
                    wishes_,
                    bill_,
                    delivery_ == nullptr ? nullptr : &delivery_->problems()};
    if (stream_ != nullptr) {
        if (stream_->told() == static_cast<int64_t>(result_.images.size())) {
            // There is none left that could tell what all came to.
            fail_billed(error_no_more(made_.prepared->images(), stream_->told(), made_.missing));
            return;
        }
        settle(kOk);
        stream_->finish(success, facts());
        answer_ = nullptr;
    } else if (passed_ != nullptr && passed_->has_begun()) {
        settle(kOk);
        passed_->finish(success, facts());
        answer_ = nullptr;
    } else {
        Answer answer;
        answer.body = write_success(success, facts());
        finish(std::move(answer));
    }
    for (Image &image : result_.images) {
        image.content = Bytes();  // it is the answer's, and goes as the client takes it
    }
}

// Pictures were made, but there is no answer with those that the caller does not have.
void Exchange::fail_billed(const ApiError &error) {
    withhold_untold();
    fail(error);
}

void Exchange::withhold_untold() noexcept {
    lost_cost_ = bill_.cost;
    images_withheld_ += static_cast<int64_t>(
        std::erase_if(result_.images, [](const Image &image) { return !image.told; }));
}

// ---- 10. settle: what really happened

void Exchange::settle(int status) noexcept {
    deadline_timer_.reset();
    if (!std::exchange(entered_, false)) {
        return;
    }
    if (!billed_ && images_answered() > 0) {
        expense_.make(images_answered(), std::nullopt);  // told, and then all broke off
    }
    auto day_counts = claim_.settle(images_answered(), images_lost(), expense_.total());
    if (ports_.book != nullptr && has_asked()) {
        write_down(status, std::move(day_counts));
    }
}

// A provider, or our own sandbox: what is refused before leaves nothing behind that lasts.
bool Exchange::has_asked() const {
    return !journal_.attempts().empty() || images_answered() > 0 || images_lost() > 0;
}

// Without memory for the row its sums still count, until a restart.
void Exchange::write_down(int status, std::vector<UsageRecord::DayCount> day_counts) noexcept try {
    UsageRecord record;
    record.unix_milliseconds = ports_.clock.unix_seconds() * 1000;
    record.request_id = request_id_;
    record.key = caller_.id();
    record.purse = caller_.key == nullptr ? Account{} : caller_.key->account;
    record.end_user = head_.on_behalf_of;
    record.model_asked = model_asked_;
    if (!journal_.attempts().empty()) {
        record.provider = journal_.attempts().back().provider;
        record.model = journal_.attempts().back().model;
    }
    record.images = images_answered();
    record.images_lost = images_lost();
    record.cost = bill_.cost.usd;
    record.counted = expense_.total();
    record.latency = milliseconds();
    record.status = status;
    record.outcome = outcome_;
    record.day_counts = std::move(day_counts);
    ports_.book->write(std::move(record));
} catch (...) {
    return;
}

// ---- errors and endings

void Exchange::on_deadline() {
    // Of images that are made only their form is missing.
    if (stream_ != nullptr) {
        stream_->give_up();
    }
    if (delivery_ != nullptr && answer_ != nullptr) {
        delivery_->give_up();
        unify();
        return;
    }
    if (made_.candidate != nullptr) {
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
    const bool is_streaming = stream_ != nullptr && stream_->has_begun();
    const bool is_passing = passed_ != nullptr && passed_->has_begun();
    if (is_streaming || is_passing) {
        settle(error.status);
        is_streaming ? stream_->fail(error, failure_facts()) : passed_->break_off();
        answer_ = nullptr;
        return;
    }
    if (stream_ != nullptr) {
        stream_->leave();
    }
    finish(answer_for(error));
}

void Exchange::finish(Answer answer) {
    settle(answer.status);
    add_quota_headers(answer);
    answer_(std::move(answer));
    answer_ = nullptr;  // only now: what is thrown before must still be answered
}

void Exchange::end_by_exception() noexcept {
    deadline_timer_.reset();
    if (execution_ != nullptr) {
        execution_->drop();
    }
    if (stream_ != nullptr && !billed_) {
        journal_.lose(stream_->untold());
    }
    if (answer_ != nullptr) {
        outcome_ = "internal_error";
        if (billed_) {
            withhold_untold();
        } else {
            result_.images.clear();  // they are lost already
        }
    }
    constexpr int kInternalError = 500;
    settle(kInternalError);
    delivery_.reset();
    if (answer_ == nullptr) {
        return;
    }
    try {
        fail(ApiError::of(kInternalError));
    } catch (...) {
        answer_ = nullptr;  // whoever waits for it has a shorter one
    }
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
    const bool billed = images_lost() > 0 || lost_cost_.has_value();
    if (const auto retry = should_retry(error, journal_, billed)) {
        answer.headers.emplace_back("x-should-retry", *retry ? "true" : "false");
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
    facts.on_stream = is_stream();
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

#include "core/exchange.h"

#include <algorithm>
#include <utility>

#include "core/request/decode.h"
#include "core/request/fields.h"
#include "core/request_id.h"
#include "core/response/failure.h"
#include "core/response/redact.h"

namespace gateway {

namespace {

std::vector<size_t> order_of_keys(const Provider &provider, Random &random) {
    if (provider.keys.size() <= 1) {
        return std::vector<size_t>(provider.keys.size(), 0);
    }
    std::vector<int> weights;
    for (const ProviderKey &key : provider.keys) {
        weights.push_back(key.weight);
    }
    return weighted_order(weights, random);
}

}  // namespace

Exchange::Exchange(const ModelMap &models, const Policy &policy, Ledger &ledger, const Ports &ports,
                   int32_t process)
    : models_(models),
      policy_(policy),
      ledger_(ledger),
      ports_(ports),
      process_(process),
      request_id_(new_request_id(ports.random)),
      began_(ports.clock.now()),
      deadline_(policy.deadline) {}

Exchange::~Exchange() {
    cancel();
}

void Exchange::cancel() noexcept {
    if (running_ != nullptr) {
        // The provider may go on, and bill.
        images_spent_ += fitted_.params.integer(Param::n, 1);
        upstream_time_ += ports_.clock.now() - attempt_began_;
        outcome_ = "client_gone";
    }
    settle(0);
    running_.reset();
    finished_.reset();
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
    deadline_ = std::min(deadline_, wishes->timeout.value_or(deadline_));
    fit_mode_ = wishes->strict ? FitMode::strict : FitMode::adapt;
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
    attempt();
}

// ---- 3. understand: what do they want?

tl::expected<void, ApiError> Exchange::understand(std::string_view body) {
    auto request = decode_request(body);
    if (!request) {
        return tl::unexpected(std::move(request.error()));
    }
    request_ = std::move(*request);
    if (!head_.path_model.empty() && !is_model_name(head_.path_model)) {
        return tl::unexpected(
            ApiError::of(400, "invalid_value", "The model in the path is not a name.", "model"));
    }
    model_asked_ = !head_.path_model.empty() ? head_.path_model : std::string_view(request_.model);
    if (model_asked_.empty()) {
        model_asked_ = policy_.default_model;
    }
    if (model_asked_.empty() && models_.alias("auto") != nullptr) {
        model_asked_ = "auto";
    }
    if (model_asked_.empty()) {
        return tl::unexpected(ApiError::of(
            400, "missing_required_parameter",
            "Missing required parameter: 'model'; this gateway has no default.", "model"));
    }
    return {};
}

// ---- 4. plan: who can make it?

tl::expected<void, ApiError> Exchange::plan() {
    if (auto added = add_candidates(model_asked_, "model", false); !added) {
        return added;
    }
    if (const Alias *alias = models_.alias(model_asked_)) {
        after_unknown_ = alias->after_unknown;
    }
    for (size_t i = 0; i < request_.fallbacks.size(); ++i) {
        const std::string param = "fallbacks[" + std::to_string(i) + "]";
        if (auto added = add_candidates(request_.fallbacks[i], param.c_str(), false); !added) {
            return added;
        }
    }
    if (caller_.key != nullptr) {
        for (const std::string &fallback : caller_.key->fallbacks) {
            // The operator's own list: a model that is gone from the configuration is not the
            // caller's mistake.
            (void)add_candidates(fallback, "model", true);
        }
    }
    return {};
}

// A key that may use an alias may use all behind it; else it may use those members that its
// patterns name.
tl::expected<void, ApiError> Exchange::add_candidates(std::string_view name, const char *param,
                                                      bool granted) {
    auto resolved = models_.resolve(name, ports_.random);
    if (!resolved) {
        resolved.error().param = param;
        if (std::string_view(param) != "model") {
            resolved.error().status = 400;
        }
        return tl::unexpected(std::move(resolved.error()));
    }
    const bool all = granted || caller_.may_use(name);
    bool any = false;
    for (Candidate &candidate : resolved->candidates) {
        if (!all && !caller_.may_use(candidate.name())) {
            continue;
        }
        any = true;
        const bool known =
            std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate &other) {
                return other.provider == candidate.provider && other.model == candidate.model;
            });
        if (!known) {
            candidates_.push_back(std::move(candidate));
        }
    }
    if (!any) {
        return tl::unexpected(
            ApiError::of(403, "model_not_allowed",
                         "This key may not use the model '" + std::string(name) + "'.", param));
    }
    return {};
}

// ---- 6. reserve: is there room for these images? (5, fit, is done for each candidate below)

tl::expected<void, ApiError> Exchange::reserve() {
    if (caller_.key == nullptr) {
        return {};
    }
    const int64_t count = request_.params.integer(Param::n, 1);
    reserved_at_ = moment();
    auto reserved = ledger_.reserve_images(account_, caller_.key->limits, count, reserved_at_);
    if (!reserved) {
        ApiError error = ApiError::of(429, "rate_limit_exceeded", reserved.error().message);
        error.retry_after = reserved.error().retry_after;
        return tl::unexpected(std::move(error));
    }
    admission_.images = *reserved;
    images_reserved_ += count;
    return {};
}

// ---- 5 and 7. fit, and attempt

void Exchange::attempt() {
    while (candidate_ < candidates_.size() && !fit_to(candidates_[candidate_])) {
        ++candidate_;
    }
    if (candidate_ == candidates_.size()) {
        fail(attempts_.empty() && misfit_
                 ? *misfit_
                 : error_when_all_failed(attempts_, shortest_wait_, model_asked_));
        return;
    }
    if (const auto covered = top_up(); !covered) {
        fail(covered.error());
        return;
    }
    const Provider &provider = *candidates_[candidate_].provider;
    key_order_ = order_of_keys(provider, ports_.random);
    key_ = 0;
    attempt_with(key_order_.empty() ? nullptr : &provider.keys[key_order_[0]]);
}

bool Exchange::fit_to(const Candidate &candidate) {
    const ModelSpec &spec =
        *models_.catalogue().find(candidate.provider->dialect->name(), candidate.model);
    auto fitted = fit(request_.params, spec, fit_mode_);
    if (!fitted) {
        if (!misfit_) {
            misfit_ = std::move(fitted.error());
        }
        return false;
    }
    fitted_ = std::move(*fitted);
    // No parameter of the caller's: passed on where it can be, and nothing to list where it cannot.
    const bool takes_user = (*spec.parameters)[Param::user].has_value();
    if (takes_user && !fitted_.params.has(Param::user) && !head_.on_behalf_of.empty()) {
        fitted_.params[Param::user] = head_.on_behalf_of;
    }
    return true;
}

// What is made now comes on top of what may have been made, and billed, before.
tl::expected<void, ApiError> Exchange::top_up() {
    const int64_t needed = images_spent_ + fitted_.params.integer(Param::n, 1);
    return images_reserved_ < needed ? reserve() : tl::expected<void, ApiError>();
}

void Exchange::attempt_with(const ProviderKey *key) {
    attempt_began_ = ports_.clock.now();
    const Milliseconds left = deadline_ - (attempt_began_ - began_);
    if (left <= Milliseconds(0)) {
        return;  // the deadline's timer is due, and answers
    }
    const Candidate &candidate = candidates_[candidate_];
    const std::string_view client_id =
        head_.request_id.empty() ? std::string_view(request_id_) : head_.request_id;
    const ProviderRequest request{*candidate.provider, key,          candidate.model,
                                  fitted_.params,      client_id,    head_.idempotency_key,
                                  head_.traceparent,   ports_.random};
    running_ = Attempt::start(ports_, request, {left, policy_.answer_max},
                              [this](Outcome outcome) { on_outcome(std::move(outcome)); });
}

// ---- 8. decide: what next?

void Exchange::on_outcome(Outcome outcome) {
    // Providers quote keys in what they say, and not only in messages. From here on nothing does.
    const std::vector<ProviderKey> &keys = candidates_[candidate_].provider->keys;
    for (std::string ProviderError::*text : {&ProviderError::type, &ProviderError::code,
                                             &ProviderError::message, &ProviderError::param}) {
        outcome.error.*text = redact(std::move(outcome.error.*text), keys);
    }
    record(outcome);
    switch (decide(outcome.type, after_unknown_)) {
        case Next::answer: unify(outcome); return;
        case Next::tell_caller: fail(error_told_by_provider(outcome)); return;
        case Next::give_up:
            fail(error_when_all_failed(attempts_, shortest_wait_, model_asked_));
            return;
        case Next::next_key:
            if (++key_ < key_order_.size()) {
                attempt_with(&candidates_[candidate_].provider->keys[key_order_[key_]]);
                return;
            }
            break;
        case Next::next_candidate: break;
    }
    ++candidate_;
    attempt();
}

void Exchange::record(const Outcome &outcome) {
    if (may_be_billed(outcome.type)) {
        images_spent_ += fitted_.params.integer(Param::n, 1);
    }
    finished_ = std::move(running_);  // not destroyed yet: this is called from within it
    const Candidate &candidate = candidates_[candidate_];
    const Milliseconds took = ports_.clock.now() - attempt_began_;
    upstream_time_ += took;
    outcome_ = name_of(outcome.type);
    attempts_.push_back({candidate.provider->name, candidate.model, outcome.type,
                         outcome.type == OutcomeType::made ? 200 : outcome.error.status,
                         outcome.error.code, took.count()});
    if (outcome.type == OutcomeType::made) {
        return;
    }
    if (outcome.retry_after && (!shortest_wait_ || *outcome.retry_after < *shortest_wait_)) {
        shortest_wait_ = outcome.retry_after;
    }
    ports_.log.write(log_level(outcome.type), describe_failure(attempts_, outcome.error.message) +
                                                  ", request " + request_id_);
}

// ---- 9. unify: one shape for every answer

void Exchange::unify(const Outcome &outcome) {
    std::vector<Adjustment> adjustments = request_.adjustments;
    adjustments.insert(adjustments.end(), fitted_.adjustments.begin(), fitted_.adjustments.end());
    const std::string_view wanted = request_.params.text(Param::response_format);
    const bool has_links =
        std::any_of(outcome.result.images.begin(), outcome.result.images.end(),
                    [](const Image &image) { return image.form == Image::Form::url; });
    if (wanted == "url" && !has_links) {
        adjustments.push_back(
            {"response_format", "\"url\"", "\"url\"",
             "the model returns bytes and nothing here stores them: the url is a data: URL"});
    } else if (wanted == "b64_json" && has_links) {
        adjustments.push_back(
            {"response_format", "\"b64_json\"", "\"url\"", "the model returns links"});
    }
    const auto made = static_cast<int64_t>(outcome.result.images.size());
    const int64_t asked = fitted_.params.integer(Param::n, 1);
    if (made < asked) {
        adjustments.push_back({"n", std::to_string(asked), std::to_string(asked),
                               "the provider made only " + std::to_string(made)});
    }
    Answer answer;
    AnswerFacts facts = this->facts();
    facts.adjustments = &adjustments;
    answer.body = write_images(outcome.result, facts, wanted);
    settle(made);
    finish(std::move(answer));
}

// ---- 10. settle: what really happened

void Exchange::settle(int64_t images_made) noexcept {
    deadline_timer_.reset();
    ledger_.leave(std::exchange(admission_.lease, LeaseHandle()));
    const int64_t used = images_made + std::exchange(images_spent_, 0);
    const int64_t unused = std::exchange(images_reserved_, 0) - used;
    if (unused > 0) {
        ledger_.give_back_images(account_, unused, reserved_at_);
        admission_.images.remaining =
            std::min(admission_.images.limit, admission_.images.remaining + unused);
    }
}

// ---- errors and endings

void Exchange::on_deadline() {
    if (running_ != nullptr && candidate_ < candidates_.size()) {
        Outcome outcome;
        outcome.type = OutcomeType::too_late;
        outcome.error.code = "deadline_exceeded";
        outcome.error.message = "no answer before the deadline";
        record(outcome);
    }
    finished_.reset();  // cancels what was under way
    fail(error_too_late(deadline_));
}

void Exchange::fail(const ApiError &error) {
    if (outcome_.empty()) {
        outcome_ = "refused";
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
    facts.attempts = &attempts_;
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

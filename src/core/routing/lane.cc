#include "core/routing/lane.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/catalog/price.h"
#include "core/images/check_images.h"
#include "core/providers/error_response.h"
#include "core/providers/made_facts.h"
#include "core/providers/redact.h"
#include "core/routing/backoff.h"
#include "core/routing/observer.h"
#include "core/routing/pause.h"

namespace gateway {

namespace {

// A worker gives its call tickets back, or another worker finds that it is dead. The ticket's
// deadline is for a process number that is in use again.
constexpr Milliseconds kGrace{60'000};

// Bounds for the times that providers send. Without the lower bound, every one of many requests
// would call the provider again at once.
constexpr Milliseconds kShortestThrottle{100};
constexpr Milliseconds kLongestThrottle{600'000};
constexpr Milliseconds kRestOfRejected{60'000};
constexpr Milliseconds kRestOfExhausted{300'000};

// What an outcome tells the breaker of the model. A failure that the gateway caused, or a bad key,
// is not a failure of the model.
Verdict verdict_of(const Outcome &outcome) {
    switch (outcome.type) {
        case OutcomeType::made: return Verdict::success;
        case OutcomeType::broken:
        case OutcomeType::unknown:
            return outcome.is_our_doing ? Verdict::nothing : Verdict::failure;
        default: return Verdict::nothing;
    }
}

bool concerns_key(OutcomeType type) {
    return type == OutcomeType::our_credentials || type == OutcomeType::out_of_quota ||
           type == OutcomeType::throttled;
}

// Whether another call may have begun after such an outcome.
bool may_be_followed(OutcomeType type, const RouteChoice &choice) {
    const Next next = decide(type, choice, {true, true, false});
    return next == Next::same_again || next == Next::next_key || next == Next::next_candidate;
}

// Providers quote keys in any field of an error, not only in its message.
void hide_secrets_in(ProviderError &error, const std::vector<std::string> &secrets) {
    for (std::string ProviderError::*text : {&ProviderError::type, &ProviderError::code,
                                             &ProviderError::message, &ProviderError::param}) {
        if (!(error.*text).empty()) {
            error.*text = redact(std::move(error.*text), secrets);
        }
    }
}

// A "revised" prompt that is the requested one is not shown.
void drop_equal_prompts(ImageResult &result, const Sha256 &prompt) {
    for (Image &image : result.images) {
        if (!image.revised_prompt.empty() && sha256(image.revised_prompt) == prompt) {
            image.revised_prompt.clear();
        }
    }
}

}  // namespace

Lane::Lane(const AttemptContext &context, const Candidate &candidate, const Target &target,
           const Prepared &prepared, size_t number, std::function<void()> on_end)
    : context_(context),
      candidate_(candidate),
      target_(target),
      prepared_(prepared),
      number_(number),
      on_end_(std::move(on_end)),
      idempotency_key_(
          provider().takes_idempotency
              ? call_key(context.identity, provider().target(candidate.model).model, number)
              : std::string()) {
    const std::vector<ProviderKey> &keys = provider().keys;
    if (keys.size() <= 1) {
        keys_.push_back(keys.empty() ? in_order(nullptr, provider().account)
                                     : in_order(&keys.front(), keys.front().account));
        return;
    }
    std::vector<int> weights;
    for (const ProviderKey &key : keys) {
        weights.push_back(key.weight);
    }
    for (const size_t index : weighted_order(weights, context.ports.random)) {
        keys_.push_back(in_order(&keys[index], keys[index].account));
    }
}

Lane::~Lane() {
    drop();
}

std::optional<Hindered> Lane::start() {
    first_began_ = context_.ports.clock.now();
    return try_once();
}

std::optional<Milliseconds> Lane::may_start_again_in() const {
    const RetryRules &rules = provider().retry;
    if (!end_ || shown_ || resumed_ != nullptr || end_->type != OutcomeType::throttled ||
        attempts_ >= rules.attempts) {
        return std::nullopt;
    }
    const Milliseconds now = context_.ports.clock.now();
    const Milliseconds wait =
        std::max(kShortestThrottle, ended_ + end_->retry_after.value_or(Milliseconds(0)) - now);
    const bool in_time =
        now + wait <= first_began_ + rules.within && wait < context_.time_to_start();
    return in_time ? std::optional(wait) : std::nullopt;
}

std::optional<Hindered> Lane::start_again() {
    for (KeyInOrder &key : keys_) {
        key.failed = false;
    }
    const auto hindered = try_once();
    if (hindered) {
        end_->retry_after = hindered->wait;
        ended_ = context_.ports.clock.now();
    } else {
        end_.reset();
    }
    return hindered;
}

// ---- an attempt

Lane::KeyChoice Lane::choose_key() const {
    KeyChoice choice;
    for (size_t i = 0; i < keys_.size(); ++i) {
        if (keys_[i].failed) {
            continue;
        }
        std::array<int64_t, 2> rests{};
        context_.health.read_rests(keys_[i].names, rests, context_.moment());
        const Milliseconds wait(std::max(rests[0], rests[1]));
        if (wait == Milliseconds(0)) {
            return {i, std::nullopt};
        }
        choice.wait = std::min(choice.wait.value_or(wait), wait);
    }
    return choice;
}

std::optional<Hindered> Lane::try_once(std::optional<KeyChoice> chosen) {
    const Milliseconds left = context_.time_left();
    if (left <= Milliseconds(0)) {
        return std::nullopt;  // the deadline's timer is due and ends the request
    }
    if (!context_.memory->may_begin()) {
        constexpr Milliseconds kSoon{1'000};
        return Hindered{Hindrance::memory, kSoon};
    }
    const KeyChoice choice = chosen ? *chosen : choose_key();
    if (!choice.place) {
        return Hindered{Hindrance::keys_resting, choice.wait.value_or(Milliseconds(0))};
    }
    const Milliseconds longest = std::min(left, provider().timeouts.total) + kGrace;
    auto ticket = context_.health.enter(target_, context_.moment(), longest);
    if (!ticket) {
        return ticket.error();
    }
    key_ = *choice.place;
    count_attempt(*ticket);
    if (context_.calls != nullptr) {
        context_.calls->on_call(candidate_);
    }
    attempt_ = Attempt::start(context_.ports, begin_request(),
                              {left, context_.answer_max, context_.keeps_raw, context_.memory,
                               share().images, context_.previews, &traffic_},
                              listener());
    risk(perhaps_billed_ > 0 ? 0 : share().images - images_given_);
    return std::nullopt;
}

void Lane::count_attempt(const CallTicket &ticket) {
    ticket_ = ticket;
    context_.history.calls().begin(context_.ports.clock.now());
    tell_call_begin(context_.ports.observers, provider());
    ++attempts_;
    attempt_began_ = context_.ports.clock.now();
}

ProviderRequest Lane::begin_request() {
    AttemptTrace trace = begin_attempt(context_.trace, provider().trace, context_.ports.random);
    span_ = trace.span;
    traffic_ = {};
    return {provider(),
            keys_[key_].key,
            candidate_.model,
            share().params,
            prepared_.passed,
            context_.client_request_id,
            idempotency_key_,
            std::move(trace.traceparent),
            context_.ports.random,
            prepared_.inputs,
            trace.tracestate};
}

// ---- jobs that outlive their process

void Lane::note_job(const Job &job, std::optional<int64_t> seed) {
    is_watched_ = true;
    context_.calls->on_job(TakenCall{number_, keys_[key_].names.front(), seed,
                                     sha256(share().params.text(Param::prompt)), job});
}

bool Lane::resume(const TakenCall &taken) {
    const auto key = std::find_if(keys_.begin(), keys_.end(), [&](const KeyInOrder &one) {
        return one.names.front() == taken.key;
    });
    if (key == keys_.end() || !Attempt::has_own_addresses(provider(), taken.job)) {
        return false;
    }
    key_ = static_cast<size_t>(key - keys_.begin());
    resumed_ = &taken;
    is_watched_ = context_.calls != nullptr;
    first_began_ = context_.ports.clock.now();
    const Milliseconds left = context_.time_left();
    // The provider works on it already, so that it is not asked whether it may begin.
    const auto ticket = context_.health.enter(target_, context_.moment(), left + kGrace);
    count_attempt(ticket.value_or(CallTicket()));
    attempt_ = Attempt::resume(context_.ports, begin_request(),
                               {left, context_.answer_max, context_.keeps_raw, context_.memory,
                                share().images, 0, &traffic_},
                               listener(), taken.job, taken.seed);
    risk(share().images);
    return true;
}

void Lane::lose() {
    attempt_began_ = first_began_ = context_.ports.clock.now();
    Outcome outcome;
    outcome.type = OutcomeType::unknown;
    outcome.error.code = kWorkerStoppedCode;
    outcome.error.message =
        "the gateway's worker was stopped before the provider's answer was written down";
    const auto &attempts = context_.history.attempts();
    const bool is_known =
        std::any_of(attempts.begin(), attempts.end(), [this](const AttemptRecord &attempt) {
            return attempt.may_be_billed && attempt.provider == provider().name &&
                   attempt.model == candidate_.model && attempt.call.value_or(number_) == number_;
        });
    if (!is_known) {
        record(outcome, true);
    }
    end_ = std::move(outcome);
    ended_ = attempt_began_;
}

void Lane::leave_job() noexcept {
    pause_.reset();
    if (attempt_ != nullptr) {
        attempt_->leave_job();
        attempt_.reset();
        risk(0);
    }
    leave(Verdict::nothing);
}

Attempt::Listener Lane::listener() {
    Attempt::Listener listener;
    listener.on_outcome = [this](Outcome &&outcome) { on_outcome(std::move(outcome)); };
    if (context_.calls != nullptr) {
        listener.on_job = [this](const Job &job, std::optional<int64_t> seed) {
            note_job(job, seed);
        };
    }
    const Tray::Listener &wanted = context_.tray.listener;
    if (wanted.on_preview) {
        listener.on_preview = [this](Preview preview) {
            if (!read_facts(preview.image)) {
                return;
            }
            shown_ = true;
            preview.image.index += share().first;
            context_.tray.listener.on_preview(std::move(preview));
        };
    }
    if (wanted.on_image) {
        listener.on_image = [this](ImageResult one) { give_image(std::move(one)); };
    }
    if (wanted.on_piece) {
        listener.on_piece = [this](Bytes piece) {
            shown_ = true;
            context_.tray.listener.on_piece(std::move(piece));
        };
    }
    return listener;
}

// Takes one image while other images of this call are not made yet. From now on, the tray's
// listener is responsible for it.
void Lane::give_image(ImageResult one) {
    shown_ = true;
    const int64_t index = share().first + one.images.front().index;
    Slot &slot = context_.tray.put(index, number_, std::move(one.images.front()));
    slot.words = static_cast<ImageWords &&>(one);
    hand_on(slot);
}

// If the listener throws, the image counts as lost.
void Lane::hand_on(Slot &slot) {
    context_.tray.listener.on_image(slot);
    ++images_given_;
    risk(std::max<int64_t>(0, at_risk_ - 1));
}

// Puts the images of the outcome into the tray, except those that were given before.
void Lane::put_images() {
    std::vector<Image> &images = end_->result.images;
    for (size_t i = end_->result.given; i < images.size(); ++i) {
        context_.tray.put(share().first + static_cast<int64_t>(i), number_, std::move(images[i]));
    }
}

void Lane::announce_images() {
    if (!end_ || end_->type != OutcomeType::made || announced_) {
        return;
    }
    announced_ = true;
    const ImageResult &result = end_->result;
    context_.tray.share_usage(number_, usage_of_call());
    for (size_t i = result.given; i < result.images.size(); ++i) {
        Slot &slot = context_.tray.slot(share().first + static_cast<int64_t>(i));
        slot.words = static_cast<const ImageWords &>(result);
        shown_ = true;
        hand_on(slot);
    }
}

Usage Lane::usage_of_call() const {
    if (end_->result.usage) {
        return *end_->result.usage;
    }
    ImageWords words = end_->result;
    take_truth(words, context_.tray.slot(share().first).image);
    return count_usage(words, end_->result.images.size(), prepared_.priced(share()),
                       *prepared_.spec);
}

void Lane::hold(bool held) {
    if (attempt_ != nullptr) {
        attempt_->hold(held);
    }
}

void Lane::on_outcome(Outcome &&outcome) {
    finished_ = std::move(attempt_);
    if (resumed_ != nullptr && !finished_->has_seen_running() &&
        may_be_followed(outcome.type, context_.choice)) {
        outcome.type = OutcomeType::unknown;  // the dead worker may have seen it, and asked again
    }
    if (shown_ && outcome.type == OutcomeType::broken) {
        outcome.type = OutcomeType::unknown;  // the provider has worked on it and may bill it
    }
    const bool is_passed_through = shown_ && !context_.is_stream();
    check_images(outcome, share().images,
                 is_passed_through ? ImagePart::beginning : ImagePart::whole);
    hide_secrets_in(outcome.error, provider().secrets);
    // The prompt of a job that was resumed is not known. So a failure may quote its words, and
    // tells the provider's health nothing.
    const bool is_trusted = resumed_ == nullptr || outcome.type == OutcomeType::made;
    leave(is_trusted ? verdict_of(outcome) : Verdict::nothing);
    if (is_trusted) {
        rest_key(outcome);
    }
    if (resumed_ != nullptr) {
        drop_equal_prompts(outcome.result, resumed_->prompt);
    }
    record(outcome, may_be_billed(outcome.type));
    if (std::exchange(is_watched_, false) && outcome.type != OutcomeType::made) {
        context_.calls->on_job_end(number_);
    }

    if (shown_ || outcome.type == OutcomeType::made || resumed_ != nullptr) {
        finish(std::move(outcome));
        return;
    }
    // Reads the keys' rests only if another key may be tried, and only once.
    const KeyChoice other_key = concerns_key(outcome.type) ? choose_key() : KeyChoice();
    RetryOptions options;
    options.again = attempts_ < provider().retry.attempts;
    options.other_key = other_key.place.has_value();
    options.takes_idempotency = provider().takes_idempotency;
    switch (decide(outcome.type, context_.choice, options)) {
        case Next::next_key:
            if (!try_once(other_key)) {
                return;
            }
            break;
        case Next::same_again:
            if (pause_and_retry(outcome)) {
                return;
            }
            break;
        default: break;
    }
    finish(std::move(outcome));
}

// The images of an attempt count as lost from its start until its outcome is recorded, even if
// something throws in between.
void Lane::risk(int64_t images) noexcept {
    context_.history.risk(images - at_risk_);
    at_risk_ = images;
}

void Lane::leave(Verdict verdict) noexcept {
    if (ticket_) {
        context_.health.leave(target_, *ticket_, verdict, context_.moment());
        ticket_.reset();
        context_.history.calls().end(context_.ports.clock.now());
        tell_call_end(context_.ports.observers, provider());
    }
}

void Lane::record(const Outcome &outcome, bool may_be_billed) {
    AttemptRecord record;
    record.latency = (context_.ports.clock.now() - attempt_began_).count();
    record.may_be_billed = may_be_billed;
    const bool is_made = outcome.type == OutcomeType::made;
    if (is_made) {
        record.images = static_cast<int64_t>(outcome.result.images.size());
    } else if (may_be_billed && perhaps_billed_ == 0) {
        record.images = share().images - images_given_;
    }
    const int64_t images = record.images;
    if (prepared_.calls.size() > 1) {
        record.call = number_;
    }
    if (outcome.type != OutcomeType::made) {
        record.cost = outcome.result.cost;
    }
    const AttemptRecord &added =
        context_.history.add(candidate_, outcome, std::move(record), context_.ports.clock.now());
    tell_end(added, outcome.error.message, false,
             outcome.result.usage ? &*outcome.result.usage : nullptr);
    if (is_made) {
        context_.history.redeem(std::exchange(perhaps_billed_, 0));
        risk(std::max<int64_t>(0, images - images_given_));
        return;
    }
    risk(0);
    if (may_be_billed && perhaps_billed_ == 0) {
        perhaps_billed_ = provider().takes_idempotency ? images : 0;
    }
}

void Lane::tell_end(const AttemptRecord &record, std::string_view message, bool dropped,
                    const Usage *usage) noexcept {
    const ProviderKey *key = keys_[key_].key;
    const auto number = key == nullptr
                            ? std::nullopt
                            : std::optional(static_cast<size_t>(key - provider().keys.data()));
    tell_attempt_end(context_.ports.observers,
                     {record, context_.history.attempts().size(), message, context_.request_id,
                      candidate_, number, dropped, context_.trace, span_, usage, traffic_});
}

// Lets a key rest for this model. The key rests for all models only if the provider's error is
// about the key or its account, not about one request: callers choose what is in a request.
void Lane::rest_key(const Outcome &outcome) noexcept {
    KeyInOrder &key = keys_[key_];
    const auto &[for_all, for_model] = key.names;
    const Account &concerned = outcome.reach == Reach::key ? for_all : for_model;
    const auto rest = [&](const Account &name, std::optional<Milliseconds> time) {
        context_.health.rest(name, time, context_.moment());
        key.failed = true;
    };
    switch (outcome.type) {
        case OutcomeType::made: {
            context_.health.serve(key.names);
            break;
        }
        case OutcomeType::throttled: {
            std::optional<Milliseconds> time = outcome.retry_after;
            if (time) {
                time = std::clamp(*time, kShortestThrottle, kLongestThrottle);
            }
            rest(for_model, time);
            break;
        }
        case OutcomeType::our_credentials: rest(concerned, kRestOfRejected); break;
        case OutcomeType::out_of_quota: rest(concerned, kRestOfExhausted); break;
        default: break;
    }
}

bool Lane::pause_and_retry(const Outcome &outcome) {
    const RetryRules &rules = provider().retry;
    const Milliseconds pause =
        pause_before_retry(rules, attempts_, outcome.retry_after, context_.ports.random);
    const Milliseconds since_first = context_.ports.clock.now() - first_began_;
    if (since_first + pause > rules.within || pause >= context_.time_to_start()) {
        return false;
    }
    last_ = Outcome();
    last_->type = outcome.type;
    last_->error = outcome.error;
    last_->retry_after = outcome.retry_after;
    pause_ = start_pause(context_, pause, [this] {
        const auto timer = std::move(pause_);
        // If the call cannot start now, another candidate may be able to.
        if (try_once()) {
            finish(std::move(*std::exchange(last_, Rare<Outcome>())));
        }
    });
    return true;
}

void Lane::finish(Outcome &&outcome) {
    end_ = std::move(outcome);
    if (end_->type == OutcomeType::made) {
        put_images();
    }
    ended_ = context_.ports.clock.now();
    on_end_();
}

// ---- the end from outside

void Lane::expire() {
    pause_.reset();
    if (attempt_ == nullptr) {
        return;
    }
    Outcome outcome;
    outcome.type = OutcomeType::too_late;
    outcome.error.code = "deadline_exceeded";
    outcome.error.message = "no response before the deadline";
    const bool billed = attempt_->may_be_billed();
    attempt_.reset();
    // A caller's deadline does not show that the provider failed.
    leave(Verdict::nothing);
    record(outcome, billed);
    end_ = std::move(outcome);
}

void Lane::drop() noexcept {
    pause_.reset();
    if (attempt_ != nullptr) {
        const AttemptRecord *dropped = context_.history.drop(
            candidate_, context_.ports.clock.now() - attempt_began_,
            attempt_->may_be_billed() && !may_be_billed_before() ? share().images - images_given_
                                                                 : 0);
        attempt_.reset();
        risk(0);
        if (dropped != nullptr) {
            tell_end(*dropped, {}, true);
        }
    }
    // Images that were made and not taken stay lost.
    hand_over();
    end_.reset();
    leave(Verdict::nothing);
}

}  // namespace gateway

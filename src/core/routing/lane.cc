#include "core/routing/lane.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/catalog/price.h"
#include "core/images/check_pictures.h"
#include "core/providers/error_reply.h"
#include "core/providers/made_facts.h"
#include "core/providers/redact.h"
#include "core/routing/backoff.h"

namespace gateway {

namespace {

// A worker gives its calls back, or is found dead; the time is for a process number that is used
// again.
constexpr Milliseconds kGrace{60'000};

// Whatever a provider says: else every request of a crowd would ask it anew.
constexpr Milliseconds kShortestThrottle{100};
constexpr Milliseconds kLongestThrottle{600'000};
constexpr Milliseconds kRestOfRejected{60'000};
constexpr Milliseconds kRestOfExhausted{300'000};

// What an outcome says of the provider's model. Our own doing is not the provider's fault, nor that
// a key is not good enough.
Verdict verdict_of(const Outcome &outcome) {
    switch (outcome.type) {
        case OutcomeType::made: return Verdict::success;
        case OutcomeType::broken:
        case OutcomeType::unknown:
            return outcome.is_our_doing ? Verdict::nothing : Verdict::failure;
        default: return Verdict::nothing;
    }
}

// Providers quote keys in what they say, and not only in messages. From here on nothing does.
void hide_secrets_in(ProviderError &error, const std::vector<std::string> &secrets) {
    for (std::string ProviderError::*text : {&ProviderError::type, &ProviderError::code,
                                             &ProviderError::message, &ProviderError::param}) {
        error.*text = redact(std::move(error.*text), secrets);
    }
}

}  // namespace

Lane::Lane(const Effort &effort, const Candidate &candidate, const Target &target,
           const Prepared &prepared, size_t number, std::function<void()> on_end)
    : effort_(effort),
      candidate_(candidate),
      target_(target),
      prepared_(prepared),
      number_(number),
      on_end_(std::move(on_end)),
      idempotency_key_(
          provider().takes_idempotency
              ? call_key(effort.identity, provider().target(candidate.model).model, number)
              : std::string()) {
    std::vector<int> weights;
    for (const ProviderKey &key : provider().keys) {
        weights.push_back(key.weight);
    }
    for (const size_t index : weighted_order(weights, effort.ports.random)) {
        const ProviderKey &key = provider().keys[index];
        keys_.push_back({&key, key.account});
    }
    if (keys_.empty()) {
        keys_.push_back({nullptr, provider().account});
    }
}

Lane::~Lane() {
    drop();
}

std::optional<Hindered> Lane::start() {
    first_began_ = effort_.ports.clock.now();
    return try_once();
}

std::optional<Milliseconds> Lane::may_start_again_in() const {
    const RetryRules &rules = provider().retry;
    if (!end_ || shown_ || end_->type != OutcomeType::throttled || attempts_ >= rules.attempts) {
        return std::nullopt;
    }
    const Milliseconds now = effort_.ports.clock.now();
    const Milliseconds wait =
        std::max(kShortestThrottle, ended_ + end_->retry_after.value_or(Milliseconds(0)) - now);
    const bool in_time =
        now + wait <= first_began_ + rules.within && wait < effort_.time_to_start();
    return in_time ? std::optional(wait) : std::nullopt;
}

std::optional<Hindered> Lane::start_again() {
    for (KeyInOrder &key : keys_) {
        key.failed = false;
    }
    const auto hindered = try_once();
    if (hindered) {
        end_->retry_after = hindered->wait;
        ended_ = effort_.ports.clock.now();
    } else {
        end_.reset();
    }
    return hindered;
}

// ---- an attempt

Lane::KeyChoice Lane::choose_key() const {
    std::vector<Account> names;  // of each key: itself, and itself for this model
    for (const KeyInOrder &key : keys_) {
        names.push_back(key.account);
        names.push_back(both(key.account, target_.model));
    }
    std::vector<int64_t> rests(names.size());
    effort_.health.read_rests(names, rests, effort_.moment());
    KeyChoice choice;
    for (size_t i = 0; i < keys_.size(); ++i) {
        const Milliseconds wait(std::max(rests[2 * i], rests[2 * i + 1]));
        if (keys_[i].failed) {
            continue;
        }
        if (wait == Milliseconds(0)) {
            return {i, std::nullopt};
        }
        choice.wait = std::min(choice.wait.value_or(wait), wait);
    }
    return choice;
}

std::optional<Hindered> Lane::try_once() {
    const Milliseconds left = effort_.time_left();
    if (left <= Milliseconds(0)) {
        return std::nullopt;  // the deadline's timer is due, and answers
    }
    if (!effort_.memory->may_begin()) {
        constexpr Milliseconds kSoon{1'000};
        return Hindered{Hindrance::memory, kSoon};
    }
    const KeyChoice choice = choose_key();
    if (!choice.place) {
        return Hindered{Hindrance::keys_resting, choice.wait.value_or(Milliseconds(0))};
    }
    const Milliseconds longest = std::min(left, provider().timeouts.total) + kGrace;
    auto passage = effort_.health.enter(target_, effort_.moment(), longest);
    if (!passage) {
        return passage.error();
    }
    passage_ = *passage;
    key_ = *choice.place;
    ++attempts_;
    attempt_began_ = effort_.ports.clock.now();
    const ProviderRequest request{provider(),       keys_[key_].key,     candidate_.model,
                                  share().params,   prepared_.passed,    effort_.request_id,
                                  idempotency_key_, effort_.traceparent, effort_.ports.random};
    attempt_ = Attempt::start(effort_.ports, request,
                              {left, effort_.answer_max, effort_.show_wire, effort_.memory,
                               share().images, effort_.previews},
                              listener());
    risk(perhaps_billed_ > 0 ? 0 : share().images - images_told_);
    return std::nullopt;
}

Attempt::Listener Lane::listener() {
    Attempt::Listener listener;
    listener.on_outcome = [this](Outcome outcome) { on_outcome(std::move(outcome)); };
    if (effort_.showing == nullptr) {
        return listener;
    }
    if (effort_.showing->is_stream()) {
        listener.on_preview = [this](Preview preview) {
            if (!read_facts(preview.image)) {
                return;
            }
            shown_ = true;
            preview.image.index += share().first;
            effort_.showing->show_preview(candidate_, prepared_, std::move(preview));
        };
        listener.on_image = [this](ImageResult image) {
            image.images.front().index += share().first;
            show_image(std::move(image));
        };
    } else {
        listener.on_piece = [this](Bytes piece) {
            shown_ = true;
            effort_.showing->show_piece(candidate_, std::move(piece));
        };
    }
    return listener;
}

void Lane::show_image(ImageResult image) {
    shown_ = true;
    effort_.showing->show_image(candidate_, prepared_, std::move(image));
    ++images_told_;
    risk(std::max<int64_t>(0, at_risk_ - 1));
}

void Lane::show_images() {
    const auto is_told = [](const Image &image) { return image.told; };
    if (!end_ || end_->type != OutcomeType::made ||
        std::all_of(end_->result.images.begin(), end_->result.images.end(), is_told)) {
        return;
    }
    ImageResult words = end_->result;
    words.images.clear();
    share_usage(end_->result.images, usage_of_call());
    int64_t index = share().first;
    for (Image &image : end_->result.images) {
        image.index = index++;
        if (!image.told) {
            ImageResult one = words;
            one.images = {image};
            image.told = true;
            image.content = Bytes();
            show_image(std::move(one));
        }
    }
}

Usage Lane::usage_of_call() const {
    if (end_->result.usage) {
        return *end_->result.usage;
    }
    ImageResult made = end_->result;
    take_truth(made, made.images.front());
    return count_usage(made, {share().params, share().images}, *prepared_.spec);
}

void Lane::hold(bool held) {
    if (attempt_ != nullptr) {
        attempt_->hold(held);
    }
}

void Lane::on_outcome(Outcome outcome) {
    finished_ = std::move(attempt_);
    if (shown_ && outcome.type == OutcomeType::broken) {
        outcome.type = OutcomeType::unknown;  // somebody has been at work
    }
    const bool is_passed = shown_ && !effort_.showing->is_stream();
    check_pictures(outcome, share().images,
                   is_passed ? PicturePart::beginning : PicturePart::whole);
    hide_secrets_in(outcome.error, provider().secrets);
    leave(verdict_of(outcome));
    rest_key(outcome);
    record(outcome, may_be_billed(outcome.type));

    if (shown_) {
        finish(std::move(outcome));
        return;
    }
    Chances chances;
    chances.again = attempts_ < provider().retry.attempts;
    chances.other_key = choose_key().place.has_value();
    chances.takes_idempotency = provider().takes_idempotency;
    switch (decide(outcome.type, effort_.choice, chances)) {
        case Next::next_key:
            if (!try_once()) {
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

// From an attempt's start on, whatever is thrown, its images count as lost until it is known
// better.
void Lane::risk(int64_t images) noexcept {
    effort_.journal.risk(images - at_risk_);
    at_risk_ = images;
}

void Lane::leave(Verdict verdict) noexcept {
    if (passage_) {
        effort_.health.leave(target_, *passage_, verdict, effort_.moment());
        passage_.reset();
    }
}

void Lane::record(const Outcome &outcome, bool may_be_billed) {
    AttemptRecord record;
    record.latency = (effort_.ports.clock.now() - attempt_began_).count();
    record.may_be_billed = may_be_billed;
    const bool is_made = outcome.type == OutcomeType::made;
    if (is_made) {
        record.images = static_cast<int64_t>(outcome.result.images.size());
    } else if (may_be_billed && perhaps_billed_ == 0) {
        record.images = share().images - images_told_;
    }
    const int64_t images = record.images;
    if (prepared_.calls.size() > 1) {
        record.call = number_;
    }
    if (outcome.type != OutcomeType::made) {
        record.cost = outcome.result.cost;
    }
    effort_.journal.add(candidate_, outcome, std::move(record));
    if (is_made) {
        effort_.journal.redeem(std::exchange(perhaps_billed_, 0));
        risk(std::max<int64_t>(0, images - images_told_));
        return;
    }
    risk(0);
    if (may_be_billed && perhaps_billed_ == 0) {
        perhaps_billed_ = provider().takes_idempotency ? images : 0;
    }
}

// A key rests for this model. Only what the provider says of the key or its account, and not of one
// request, has it rest for all models: callers choose what is in a request.
void Lane::rest_key(const Outcome &outcome) noexcept {
    KeyInOrder &key = keys_[key_];
    const Account for_model = both(key.account, target_.model);
    const Account &concerned = outcome.reach == Reach::key ? key.account : for_model;
    const auto rest = [&](const Account &name, std::optional<Milliseconds> time) {
        effort_.health.rest(name, time, effort_.moment());
        key.failed = true;
    };
    switch (outcome.type) {
        case OutcomeType::made: {
            const Account names[] = {key.account, for_model};
            effort_.health.serve(names);
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
        pause_before_retry(rules, attempts_, outcome.retry_after, effort_.ports.random);
    const Milliseconds since_first = effort_.ports.clock.now() - first_began_;
    if (since_first + pause > rules.within || pause >= effort_.time_to_start()) {
        return false;
    }
    last_ = Outcome();
    last_->type = outcome.type;
    last_->error = outcome.error;
    last_->retry_after = outcome.retry_after;
    pause_ = effort_.ports.loop.start_timer(pause, [this] {
        const auto timer = std::move(pause_);
        // What stands in the way by now, others may go around.
        if (try_once()) {
            finish(std::move(*std::exchange(last_, Rare<Outcome>())));
        }
    });
    return true;
}

void Lane::finish(Outcome outcome) {
    end_ = std::move(outcome);
    ended_ = effort_.ports.clock.now();
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
    outcome.error.message = "no answer before the deadline";
    const bool billed = attempt_->may_be_billed();
    attempt_.reset();
    // That a caller had no patience says nothing of the provider.
    leave(Verdict::nothing);
    record(outcome, billed);
    end_ = std::move(outcome);
}

void Lane::drop() noexcept {
    pause_.reset();
    if (attempt_ != nullptr) {
        effort_.journal.drop(candidate_, effort_.ports.clock.now() - attempt_began_,
                             attempt_->may_be_billed() && !may_be_billed_before()
                                 ? share().images - images_told_
                                 : 0);
        attempt_.reset();
        risk(0);
    }
    // What was made and nobody took from here stays lost.
    hand_over();
    end_.reset();
    leave(Verdict::nothing);
}

}  // namespace gateway

// What is known of an exchange, for its reply, log variables and metrics.
#include <algorithm>
#include <utility>

#include "core/exchange/exchange.h"
#include "core/response/quota_headers.h"

namespace gateway {

const Making *Exchange::making() const {
    if (source_ == Source::led) {
        return shared_ == nullptr ? nullptr : &shared_->making();
    }
    return making_.get();
}

// A request that waits for the making of another one pauses.
Timing Exchange::timing() const {
    const Milliseconds now = ports_.clock.now();
    Timing timing = steps_;
    timing.wait += history().pauses().at(now);
    timing.provider = history().calls().at(now);
    timing.delivery = making() == nullptr ? Milliseconds(0) : making()->delivery_time();
    timing.sending = now - settled_.value_or(now);
    timing.total = now - began_;
    return timing;
}

const Result *Exchange::result() const {
    if (kept_) {
        return &kept_->result;
    }
    if (shared_ != nullptr) {
        return &shared_->result();
    }
    return making_ == nullptr ? nullptr : &making_->result();
}

const History &Exchange::history() const {
    static const History kNothing;
    return making() == nullptr ? kNothing : making()->result().history;
}

int64_t Exchange::images_answered() const {
    if (source_ == Source::own || source_ == Source::led) {
        return making() == nullptr ? 0 : making()->images_answered();
    }
    const bool has_images = result() != nullptr && !result()->error && phase_ != Phase::open;
    return has_images ? static_cast<int64_t>(result()->images.size()) : 0;
}

std::optional<MicroUsd> Exchange::cost() const {
    if (source_ == Source::own || source_ == Source::led) {
        return making() == nullptr ? std::nullopt : making()->result().bill.cost.usd;
    }
    return pays_share() ? result()->bill.cost.usd : std::optional<MicroUsd>(0);
}

AnswerFacts Exchange::facts() const {
    AnswerFacts facts;
    facts.request_id = order_->request_id;
    facts.created = ports_.clock.unix_seconds();
    facts.requested_model = order_->requested_model;
    const Result *about = result();
    facts.history = about == nullptr ? &history() : &about->history;
    facts.latency = milliseconds();
    facts.operation = &row_of(order_->operation);
    facts.on_stream = is_stream(*order_);
    facts.inputs = &order_->inputs;
    facts.cache = cache_.id.empty() ? nullptr : &cache_;
    if (cache_.hit) {
        facts.cost = Cost{0, "cache"};
    } else if (shares_result()) {
        facts.shared = true;
        facts.cost =
            policy_.sharing.coalesce.charge_each ? std::nullopt : std::optional(Cost{0, "shared"});
    } else if (by_key_ && kept_) {
        facts.request_id = kept_->request_id;
        facts.created = kept_->created;
        facts.latency = kept_->latency;
    } else if (by_key_ && shared_ != nullptr && shared_->has_ended()) {
        facts.request_id = shared_->first_request();
        facts.created = shared_->created();
        facts.latency = shared_->latency();
    }
    return facts;
}

AnswerFacts Exchange::facts_of(const ApiError &error) const {
    AnswerFacts facts = this->facts();
    const Result *about = result();
    facts.adjustments = &order_->request.adjustments;
    if (error.status == 504) {
        facts.may_still_be_working = left_making_ || facts.history->may_still_be_working();
    }
    facts.cost.reset();
    if (about != nullptr && !shares_result()) {
        facts.cost = about->withheld_cost;
    }
    facts.billed = images_lost() > 0 || facts.cost.has_value() || (kept_ && kept_->billed) ||
                   (source_ == Source::followed && shared_->is_billed());
    return facts;
}

// The headers of the first part.
void Exchange::complete_head(Answer &answer) {
    add_quota_headers(order_->funds.quotas(), answer);
    if (by_key_) {
        answer.headers.emplace_back("Idempotent-Replayed", "true");
    }
    if (handed_over_ && answer.status != kJobAccepted && wishes_.wait) {
        answer.headers.emplace_back("Preference-Applied",
                                    "wait=" + std::to_string(wishes_.wait->count()));
    }
    if (cache_.hit) {
        const int64_t now = ports_.clock.unix_seconds();
        answer.headers.emplace_back("Age",
                                    std::to_string(std::max<int64_t>(0, now - kept_->created)));
        answer.headers.emplace_back(
            "Cache-Status", "image-gateway; hit; ttl=" + std::to_string(kept_->expires - now));
    } else if (cache_took_part_) {
        answer.headers.emplace_back("Cache-Status",
                                    !Joining::may_be_cached(*order_, policy_.sharing, cache_wish_)
                                        ? "image-gateway; fwd=bypass"
                                    : cache_wish_.no_cache ? "image-gateway; fwd=request"
                                                           : "image-gateway; fwd=miss");
    }
}

}  // namespace gateway

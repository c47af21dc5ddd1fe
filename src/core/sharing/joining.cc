#include "core/sharing/joining.h"

#include <algorithm>
#include <utility>

#include "core/bytes/parts.h"
#include "core/json/writer.h"
#include "core/request_id.h"
#include "core/routing/failure.h"
#include "core/sharing/cache_key.h"
#include "core/sharing/unasked.h"
#include "core/webhooks/message.h"

namespace gateway {

namespace {

constexpr Milliseconds kFirstPause{10};
constexpr Milliseconds kLongestPause{250};
constexpr Milliseconds kForTheEnd{60'000};  // the result is delivered after the deadline

RecordId record_id(std::string_view kind, std::initializer_list<std::string_view> parts) {
    std::string text(kind);
    for (const std::string_view part : parts) {
        add_part(text, part);
    }
    return sha256(text);
}

bool has_seed(const Order &order) {
    return order.request.params.has(Param::seed);
}

bool may_coalesce(const Order &order, const SharingRules &rules) {
    return rules.coalesce.on && order.idempotency_key.empty() &&
           (rules.coalesce.unseeded || has_seed(order)) && !order.caller.id().empty();
}

ApiError error_other_order(const std::string &first) {
    return ApiError::of(422, "idempotency_key_reused",
                        "The Idempotency-Key belongs to the request " + first +
                            ", which asked for something else. Use a new key for each request.",
                        "Idempotency-Key");
}

ApiError error_in_progress() {
    return ApiError::for_now(409, "idempotency_in_progress",
                             "The first request with this Idempotency-Key is in progress in "
                             "another worker. Repeat the request later.",
                             "Idempotency-Key");
}

ApiError error_no_records() {
    return ApiError::for_now(503, "idempotency_unavailable",
                             "The gateway currently cannot record requests with an "
                             "Idempotency-Key, so it does not make the images.",
                             "Idempotency-Key");
}

// A job needs no Idempotency-Key.
ApiError error_store_full(RecordKind kind, bool only_for_caller) {
    std::string text =
        only_for_caller
            ? "The gateway's store is nearly full, and contains this caller's share of results "
              "that it must keep for earlier requests with an Idempotency-Key or jobs."
            : "The gateway's store is full of results that it must keep for earlier requests with "
              "an Idempotency-Key or jobs.";
    if (kind == RecordKind::job) {
        return ApiError::of(507, "store_full", text + " Delete jobs, or repeat the request later.");
    }
    return ApiError::of(507, "store_full",
                        text + " Repeat the request later, or without this header.",
                        "Idempotency-Key");
}

ApiError error_receiver_gone() {
    return ApiError::of(400, "webhook_gone",
                        "The receiver of this URL has answered 410 (Gone) in the last 30 days, so "
                        "no messages are sent to it.",
                        std::string(kWebhookHeader));
}

ApiError error_too_many_messages() {
    ApiError error =
        ApiError::of(429, "too_many_webhooks",
                     std::to_string(kMessagesWaiting) +
                         " webhook messages of this caller wait for their receivers. Repeat the "
                         "request when some of them are delivered.",
                     std::string(kWebhookHeader));
    error.retry_after = 60;
    return error;
}

ApiError error_not_cached() {
    return ApiError::of(504, "not_in_cache",
                        "The cache has no result for this request, and Cache-Control: "
                        "only-if-cached asks for no other.",
                        "Cache-Control");
}

ApiError error_leader_died() {
    return ApiError::of(502, "outcome_unknown",
                        "The gateway was stopped while it worked on an equal request, whose result "
                        "this request was waiting for. The images may have been made and billed.");
}

Adjustment ignored_key(const Order &order) {
    JsonWriter key;
    return {"Idempotency-Key", std::move(key.string(order.idempotency_key)).finish_text(), "null",
            "the caller has no key or token, so the gateway does not know whose key it is"};
}

}  // namespace

std::string tenant_of(const Order &order) {
    std::string tenant;
    if (!order.caller.id().empty()) {
        add_part(tenant, order.caller.id());
        add_part(tenant, order.end_user);
    }
    return tenant;
}

RecordId job_record(std::string_view id) {
    return record_id("job", {id});
}

bool Joining::concerns(const Order &order, const SharingRules &rules, const CacheWish &wish) {
    return (rules.idempotency.on && !order.idempotency_key.empty()) || may_coalesce(order, rules) ||
           may_be_cached(order, rules, wish) || wish.only_if_cached;
}

bool Joining::may_be_cached(const Order &order, const SharingRules &rules, const CacheWish &wish) {
    return rules.cache.on && !wish.no_store && (rules.cache.unseeded || has_seed(order)) &&
           !order.raw_request && !order.raw_response && !order.caller.id().empty();
}

Joining::Joining(Parts parts)
    : parts_(std::move(parts)),
      tenant_(tenant_of(parts_.order)),
      request_id_(parts_.order.request_id) {
    terms_.owner = parts_.order.caller.id();
    const auto &hosting = parts_.order.form.hosting;
    if (hosting != nullptr && hosting->bucket == nullptr) {
        terms_.hosting = hosting;  // results are kept in directories only
    }
}

Joining::~Joining() {
    let_go();
}

void Joining::let_go() noexcept {
    if (std::exchange(promised_, false)) {
        parts_.sharing.running.break_promise(terms_.id);
    }
    terms_.key_in_use.reset();
    terms_.unasked.reset();
    forget_claim();
}

void Joining::forget_claim() noexcept {
    if (std::exchange(claims_, false)) {
        parts_.sharing.records->forget(terms_.id, std::move(request_id_));
    }
}

void Joining::start(std::function<void(Joined)> then) {
    then_ = std::move(then);
    if (parts_.job_keep) {
        digest_inputs();
        return;
    }
    if (tenant_.empty() && !parts_.order.idempotency_key.empty()) {
        parts_.order.request.adjustments.push_back(ignored_key(parts_.order));
    }
    if (tenant_.empty()) {
        parts_.wish.only_if_cached ? refuse(error_not_cached()) : end({});
        return;
    }
    digest_inputs();
}

void Joining::digest_inputs() {
    auto contents = std::make_shared<const InputContents>(parts_.order.inputs);
    if (contents->empty()) {
        on_digested(InputDigests());
        return;
    }
    auto digests = std::make_shared<std::optional<InputDigests>>();
    task_ = parts_.ports.tasks.run([contents, digests] { *digests = contents->digest(); },
                                   [this, digests] { on_digested(std::move(*digests)); });
    if (task_ == nullptr) {
        refuse(error_overloaded("its thread pool takes no more tasks"));
    }
}

void Joining::on_digested(std::optional<InputDigests> digests) {
    if (!digests) {
        refuse(ApiError::of(500));
        return;
    }
    digests_ = std::move(*digests);
    terms_.order = digest_of(parts_.order, digests_, parts_.path);
    if (parts_.job_keep) {
        as_job();
        return;
    }
    parts_.rules.idempotency.on && !parts_.order.idempotency_key.empty() ? by_key() : in_cache();
}

// A repeated request with the same Idempotency-Key is about the same job.
void Joining::as_job() {
    const Order &order = parts_.order;
    terms_.kind = RecordKind::job;
    terms_.goes_on = true;
    terms_.keep = *parts_.job_keep;
    job_.id = new_job_id(parts_.ports.random);
    if (parts_.rules.idempotency.on && !order.idempotency_key.empty() && !tenant_.empty()) {
        job_.id =
            job_id_from(record_id("keyed job", {tenant_, parts_.path, order.idempotency_key}));
    }
    job_.tenant = tenant_;
    job_.operation = row_of(order.operation).request_type;
    job_.model = order.requested_model;
    job_.format = order.form.format;
    if (!parts_.webhook.url.empty()) {
        const Sha256 &order_hash = terms_.order;
        terms_.order = record_id(
            "with webhook", {{reinterpret_cast<const char *>(order_hash.data()), order_hash.size()},
                             parts_.webhook.url});
    }
    terms_.id = job_record(job_.id);
    take_promise();
}

// ---- by the key, and among equal requests

void Joining::by_key() {
    terms_.kind = RecordKind::keyed;
    terms_.goes_on = true;
    terms_.keep = parts_.rules.idempotency.keep;
    terms_.id = record_id("keyed", {tenant_, parts_.path, parts_.order.idempotency_key});
    take_promise();
}

void Joining::among_equals() {
    if (leads_ || !may_coalesce(parts_.order, parts_.rules)) {
        lead_or_make();
        return;
    }
    terms_.kind = RecordKind::shared;
    terms_.id = record_id(
        "shared",
        {tenant_, {reinterpret_cast<const char *>(terms_.order.data()), terms_.order.size()}});
    take_promise();
}

// In this worker first.
void Joining::take_promise() {
    MakingRegister &running = parts_.sharing.running;
    if (const auto making = running.find(terms_.id)) {
        if (making->terms().order != terms_.order) {
            refuse(error_other_order(making->first_request()));
        } else if (terms_.kind == RecordKind::job) {
            end(Joined{.kind = Joined::Kind::job});
        } else {
            follow(making);
        }
        return;
    }
    if (running.is_promised(terms_.id)) {
        wait();
        return;
    }
    running.promise(terms_.id);
    promised_ = true;
    const bool is_keyed = terms_.kind == RecordKind::keyed;
    // A request that is shared over workers needs a store for its result.
    if (parts_.sharing.records != nullptr && (is_keyed || terms_.hosting != nullptr)) {
        claim();
        return;
    }
    if (is_keyed && !hold_key()) {
        return;
    }
    leads_ = true;
    is_keyed ? in_cache() : lead_or_make();
}

// Without records, requests in other workers can only be told that the key is in use. False: the
// request was refused.
bool Joining::hold_key() {
    KeysInUse *keys = parts_.sharing.keys;
    if (keys == nullptr) {
        return true;
    }
    const Clock &clock = parts_.ports.clock;
    auto held = keys->take(account_of(terms_.id), {clock.unix_seconds(), clock.now().count()},
                           (parts_.order.deadline + kForTheEnd).count());
    if (!held) {
        refuse(held.error() == KeysInUse::Refusal::in_use ? error_in_progress()
                                                          : error_no_records());
        return false;
    }
    terms_.key_in_use = std::move(*held);
    return true;
}

void Joining::claim() {
    RecordClaim claim;
    claim.id = terms_.id;
    claim.kind = terms_.kind;
    claim.order = terms_.order;
    claim.owner = terms_.owner;
    claim.request_id = parts_.order.request_id;
    claim.keep = terms_.keep;
    claim.store = terms_.hosting == nullptr ? "" : terms_.hosting->directory;
    claim.kept_max = terms_.kind != RecordKind::shared ? parts_.rules.kept_max : 0;
    claim.job = job_;
    claim.webhook = parts_.webhook;
    claims_ = true;
    task_ = parts_.sharing.records->claim(std::move(claim),
                                          [this](const Claimed &claimed) { on_claimed(claimed); });
}

void Joining::on_claimed(const Claimed &claimed) {
    using Answer = Claimed::Answer;
    const bool keyed = terms_.kind != RecordKind::shared;
    const bool is_job = terms_.kind == RecordKind::job;
    claims_ = claimed.answer == Answer::ours || claimed.answer == Answer::taken_over;
    const bool is_known = claimed.answer == Answer::running || claimed.answer == Answer::ended ||
                          claimed.answer == Answer::interrupted;
    if (is_job && is_known) {
        end(Joined{.kind = Joined::Kind::job});
        return;
    }
    switch (claimed.answer) {
        case Answer::ours: on_ours(); return;
        case Answer::taken_over: take_over(claimed); return;
        case Answer::running:
            // Without a store, the result cannot come from another worker.
            keyed &&terms_.hosting == nullptr ? refuse(error_in_progress()) : wait();
            return;
        case Answer::ended:
            claimed.kept->facts.empty() ? end_without_leader(claimed) : replay(*claimed.kept);
            return;
        case Answer::other_order: refuse(error_other_order(claimed.request_id)); return;
        case Answer::interrupted: end_without_leader(claimed); return;
        case Answer::full:
        case Answer::full_for_owner:
            refuse(error_store_full(terms_.kind, claimed.answer == Answer::full_for_owner));
            return;
        case Answer::receiver_gone: refuse(error_receiver_gone()); return;
        case Answer::too_many_messages: refuse(error_too_many_messages()); return;
        case Answer::unavailable: break;
    }
    if (keyed) {
        refuse(error_no_records());
    } else if (has_waited()) {
        wait();  // another request was made, or is being made
    } else {
        leads_ = true;  // only for this worker
        lead_or_make();
    }
}

void Joining::on_ours() {
    leads_ = true;
    terms_.has_record = true;
    if (terms_.kind != RecordKind::job) {
        note_unasked();
    }
    terms_.kind == RecordKind::keyed ? in_cache() : lead_or_make();
}

void Joining::note_unasked() {
    if (KeysInUse *notes = parts_.sharing.keys) {
        const Order &order = parts_.order;
        const Clock &clock = parts_.ports.clock;
        terms_.unasked = std::make_shared<Unasked>(
            *notes, terms_.id, order.plan, Moment{clock.unix_seconds(), clock.now().count()},
            (order.deadline + kForTheEnd).count());
    }
}

// The worker that led has died, and this request leads now: from the beginning, or as after calls
// whose outcome is unknown.
void Joining::take_over(const Claimed &claimed) {
    Plan &plan = parts_.order.plan;
    KeysInUse *notes = parts_.sharing.keys;
    plan.before.request_id = claimed.request_id;
    plan.before.candidates = notes == nullptr
                                 ? plan.candidates
                                 : candidates_asked_by(claimed.process, *notes, terms_.id, plan);
    if (notes != nullptr) {
        remove_notes_of(claimed.process, *notes, terms_.id, plan);
    }
    terms_.record_request = claimed.request_id;
    if (plan.before.candidates.empty()) {
        request_id_ = claimed.request_id;  // it may be forgotten
    }
    const bool may_go_on = std::any_of(
        plan.candidates.begin(), plan.candidates.end(), [&](const Candidate &candidate) {
            return plan.before.may_ask(candidate, plan.choice.after_unknown);
        });
    may_go_on ? on_ours() : end_without_leader(claimed);
}

// Nobody knows what the worker that led has made. A request that has not waited for it asks for
// images of its own, if it has no key.
void Joining::end_without_leader(const Claimed &claimed) {
    if (terms_.kind == RecordKind::keyed) {
        replay(KeptRecord{.request_id = claimed.request_id});
    } else if (has_waited()) {
        Joined joined{.kind = Joined::Kind::replay};
        joined.kept = interrupted_result(claimed.request_id);
        joined.kept->result.error = error_leader_died();
        end(std::move(joined));
    } else {
        forget_claim();
        parts_.order.plan.before = {};
        leads_ = true;  // only for this worker
        lead_or_make();
    }
}

// Another request is about to begin the making, or has begun it in another worker.
void Joining::wait() {
    let_go();
    pause_ = pause_ == Milliseconds(0) ? kFirstPause : std::min(pause_ * 3 / 2, kLongestPause);
    timer_ = parts_.ports.loop.start_timer(pause_, [this] { take_promise(); });
}

void Joining::follow(std::shared_ptr<SharedMaking> making) {
    Joined joined{.kind = Joined::Kind::follow, .making = std::move(making)};
    joined.by_key = terms_.kind == RecordKind::keyed;
    end(std::move(joined));
}

void Joining::replay(const KeptRecord &record) {
    Joined joined{.kind = Joined::Kind::replay};
    joined.kept =
        kept_or_interrupted(record, terms_.hosting.get(), parts_.ports.clock.unix_seconds());
    joined.by_key = terms_.kind == RecordKind::keyed;
    end(std::move(joined));
}

// ---- in the cache

bool Joining::uses_cache() const {
    return parts_.sharing.records != nullptr && terms_.hosting != nullptr &&
           may_be_cached(parts_.order, parts_.rules, parts_.wish);
}

std::string Joining::cache_scope() const {
    std::string scope("cached");
    add_part(scope, parts_.order.caller.id());
    add_part(scope, parts_.rules.cache.for_whole_key ? "" : parts_.order.end_user);
    add_part(scope, parts_.wish.partition);
    return scope;
}

void Joining::in_cache() {
    if (!uses_cache()) {
        parts_.wish.only_if_cached ? refuse(error_not_cached()) : among_equals();
        return;
    }
    Order &order = parts_.order;
    const Preparation preparation = order.preparation(parts_.ports.clock.unix_seconds());
    const std::string scope = cache_scope();
    std::vector<RecordId> ids;
    const int64_t longest = parts_.rules.cache.ttl;  // else a caller could fill the store
    terms_.cache_ttl = std::min(parts_.wish.ttl.value_or(longest), longest);
    for (size_t i = 0; i < order.plan.candidates.size(); ++i) {
        const auto &prepared = order.plan.prepared(i, preparation);
        const auto id = prepared ? cache_key(scope, order, order.plan.candidates[i], *prepared,
                                             digests_, !parts_.rules.cache.for_whole_key)
                                 : std::nullopt;
        terms_.cache_ids.push_back(id);
        if (id) {
            ids.push_back(*id);
            cache_candidates_.push_back(i);
        }
    }
    if (ids.empty() || parts_.wish.no_cache) {
        on_found(std::nullopt, {});
        return;
    }
    first_cache_id_ = ids.front();
    task_ = parts_.sharing.records->find(
        std::move(ids),
        [this](std::optional<size_t> found, const KeptRecord &record) { on_found(found, record); });
}

void Joining::on_found(std::optional<size_t> found, const KeptRecord &record) {
    const int64_t now = parts_.ports.clock.unix_seconds();
    const bool is_young = !parts_.wish.max_age || now - record.created <= *parts_.wish.max_age;
    if (found && is_young) {
        Joined joined{.kind = Joined::Kind::hit};
        joined.kept = read_kept_at(record, terms_.hosting.get(), now);
        joined.candidate = cache_candidates_[*found];
        if (joined.kept && !joined.kept->result.error) {
            first_cache_id_ = terms_.cache_ids[joined.candidate];
            end(std::move(joined));
            return;
        }
    }
    parts_.wish.only_if_cached ? refuse(error_not_cached()) : among_equals();
}

// ---- the end

void Joining::lead_or_make() {
    const bool is_cached = std::any_of(terms_.cache_ids.begin(), terms_.cache_ids.end(),
                                       [](const auto &id) { return id.has_value(); });
    if (!leads_ && is_cached) {
        // A making of its own, which nobody else finds, but whose result is kept.
        leads_ = true;
        terms_.kind = RecordKind::cached;
        terms_.id = record_id("alone", {parts_.order.request_id});
    }
    end(Joined{.kind = leads_ ? Joined::Kind::lead : Joined::Kind::make});
}

void Joining::hand_over() noexcept {
    claims_ = false;
    let_go();
}

void Joining::refuse(ApiError error) {
    end(Joined{.kind = Joined::Kind::refuse, .error = std::move(error)});
}

void Joining::end(Joined joined) {
    if (joined.kind != Joined::Kind::lead) {
        let_go();
    }
    const auto then = std::move(then_);
    then(std::move(joined));
}

}  // namespace gateway

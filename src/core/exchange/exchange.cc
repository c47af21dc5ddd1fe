#include "core/exchange/exchange.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/exchange/understand.h"
#include "core/making/settlement.h"
#include "core/request_id.h"
#include "core/response/quota_headers.h"
#include "core/routing/failure.h"
#include "core/routing/file_ids.h"

namespace gateway {

namespace {

constexpr int kClientGone = 499;
constexpr int kInternalError = 500;
constexpr size_t kMaxUnsent = size_t{256} * 1024;

tl::unexpected<ApiError> unavailable(const char *code, const char *message) {
    return tl::unexpected(ApiError::for_now(503, code, message));
}

}  // namespace

Exchange::Exchange(const ModelMap &models, const Policy &policy, Accounts &accounts, Health &health,
                   const Ports &ports)
    : models_(models),
      policy_(policy),
      health_(health),
      ports_(ports),
      began_(ports.clock.now()),
      allowed_(policy.deadline),
      order_(std::make_shared<Order>(accounts)),
      reply_context_{*order_,
                     ports.loop,
                     [this] { return facts(); },
                     [this](int status) {
                         end_status_ = status;
                         settle(status);
                     },
                     [this](Answer &answer) { complete_head(answer); },
                     [this](Answer part) { answer_(std::move(part)); }} {
    order_->request_id = new_request_id(ports.random);
    order_->catalogue = models.catalogue();
}

Exchange::~Exchange() {
    cancel();
}

// ---- 1. identify the caller

Exchange::Entered Exchange::identify(const RequestHead &head) {
    head_ = head;
    order_->trace = begin_trace(head.trace, ports_.spans != nullptr, ports_.random);
    if (is_model_name(head_.path_model)) {
        order_->requested_model = head_.path_model;
    }
    auto caller = gateway::identify(head, policy_.auth, {policy_.keys, policy_.tokens.get()},
                                    ports_.clock.unix_seconds());
    if (!caller) {
        return tl::unexpected(std::move(caller.error()));
    }
    order_->caller = std::move(*caller);
    if (!models_.has_catalogue()) {
        return unavailable("catalogue_unavailable",
                           "The catalogue of models is currently not available.");
    }
    return {};
}

// ---- 2. enter the caller's limits

std::optional<Exchange::Entered> Exchange::enter(BodySize body,
                                                 std::function<void(Entered)> later) {
    Order &order = *order_;
    step_began_ = began_;
    end_step(&Timing::auth);
    const HeldMemory::Owner owner = memory_owner_of(order.caller, head_);
    order.memory = ports_.memory.open(owner);
    const auto wishes = read_wishes(head_);
    if (!wishes) {
        return tl::unexpected(wishes.error());
    }
    wishes_ = *wishes;
    const size_t copies = kCopiesOfBody * body.memory;
    if ((!order.memory->may_begin() && !may_wait()) || !order.memory->may_hold(copies)) {
        return tl::unexpected(error_memory_held());
    }
    order.memory->hold(copies);
    if (ports_.disk != nullptr && body.may_need_disk) {
        order.disk = ports_.disk->open(owner);
        if (!order.disk->hold(body.disk)) {
            return tl::unexpected(error_disk_held());
        }
    }
    allowed_ = std::min(allowed_, wishes_.timeout.value_or(allowed_));
    order.end_user = head_.on_behalf_of;
    order.address = head_.address;
    const std::vector<Party> parties =
        parties_of(order.caller, order.end_user, order.address, policy_.limits);
    if (ports_.book != nullptr && !ports_.book->is_open()) {
        return unavailable("usage_not_recorded", "The gateway currently cannot record usage.");
    }
    if (ports_.book != nullptr && !ports_.book->knows_past() &&
        depends_on_past(order.caller, parties)) {
        return unavailable("usage_not_known",
                           "The gateway currently does not know the earlier usage of this key.");
    }
    entered_.reset();
    order.funds.set_owner(ports_.owner);
    order.funds.enter(parties, longest_claim(), [this](Entered entered) {
        if (!entered && may_wait_for(entered.error())) {
            entered = enter_waiting(std::move(entered.error()));
        }
        on_entered(std::move(entered));
    });
    later_ = entered_ ? nullptr : std::move(later);
    return std::move(entered_);
}

void Exchange::on_entered(Entered entered) {
    end_step(&Timing::limits);
    phase_ = entered ? Phase::entered : phase_;
    if (later_ != nullptr) {
        std::exchange(later_, nullptr)(std::move(entered));
    } else {
        entered_ = std::move(entered);
    }
}

bool Exchange::hold_disk(size_t bytes) {
    return order_->disk == nullptr || bytes <= order_->disk->held() || order_->disk->hold(bytes);
}

// ---- the other steps, after the body was read

void Exchange::run(Operation operation, ReceivedBody body, std::function<void(Answer)> answer) {
    end_step(&Timing::body);
    order_->operation = operation;
    answer_ = std::move(answer);
    order_->deadline = began_ + allowed_;
    order_->allowed = allowed_;
    const Milliseconds left = order_->deadline - ports_.clock.now();
    deadline_timer_ =
        ports_.loop.start_timer(std::max(left, Milliseconds(0)), [this] { on_deadline(); });
    intake_.take(std::move(body), [this](const Entered &ordered) { on_ordered(ordered); });
}

// ---- 3. understand the request: see core/exchange/intake

// ---- 4. plan: find the candidates

void Exchange::on_ordered(const Entered &ordered) {
    if (!ordered) {
        fail(ordered.error());
        return;
    }
    auto plan = make_plan(models_, order_->caller, order_->requested_model,
                          order_->request.fallbacks, ports_.random);
    if (!plan) {
        fail(plan.error());
        return;
    }
    order_->plan = std::move(*plan);
    if (auto kept = keep_one_file_account(order_->plan, *order_->catalogue, order_->inputs);
        !kept) {
        fail(kept.error());
        return;
    }
    if (order_->operation == Operation::variation && order_->plan.varies_by_edits) {
        put_variations_first(order_->plan, *order_->catalogue);
    }
    intake_.convert_mask([this](const Entered &ready) { ready ? join() : fail(ready.error()); });
}

// Before anything is reserved: perhaps it was made already, or is being made. See core/sharing.
void Exchange::join() {
    if (policy_.sharing.cache.on) {
        const auto wish = read_cache_wish(head_.cache_control, head_.cache_key, head_.cache_ttl);
        if (!wish) {
            fail(wish.error());
            return;
        }
        cache_wish_ = *wish;
        cache_took_part_ = !order_->caller.id().empty();
    }
    const std::optional<int64_t> keep = job_keep();
    if (keep && is_stream(*order_)) {
        fail(ApiError::of(400, "invalid_value", "A job has no stream of events.", "stream"));
        return;
    }
    auto webhook = read_webhook(keep.has_value());
    if (!webhook) {
        fail(webhook.error());
        return;
    }
    if (!keep &&
        (ports_.sharing == nullptr || !Joining::concerns(*order_, policy_.sharing, cache_wish_))) {
        reserve();
        return;
    }
    joining_ = std::make_unique<Joining>(
        Joining::Parts{ports_, *ports_.sharing, *order_, policy_.sharing, cache_wish_,
                       std::string(head_.path), keep, std::move(*webhook)});
    begin_step();
    joining_->start([this](Joined joined) {
        end_step(&Timing::wait);
        on_joined(std::move(joined));
    });
}

void Exchange::on_joined(Joined joined) {
    by_key_ = joined.by_key;
    switch (joined.kind) {
        case Joined::Kind::make: reserve(); return;
        case Joined::Kind::lead:
            source_ = Source::led;
            reserve();
            return;
        case Joined::Kind::follow:
            source_ = Source::followed;
            shared_ = std::move(joined.making);
            pays_share() ? reserve() : follow();
            return;
        case Joined::Kind::replay:
        case Joined::Kind::hit: answer_kept(std::move(joined)); return;
        case Joined::Kind::job: show_existing_job(); return;
        case Joined::Kind::refuse: fail(*joined.error); return;
    }
}

void Exchange::follow() {
    choose_reply();
    phase_ = Phase::making;
    begin_step();
    follow_making(order_->trace, shared_->order().trace);
    shared_->attach(*this);
}

void Exchange::answer_kept(Joined joined) {
    source_ = Source::kept;
    kept_ = std::move(*joined.kept);
    Result &result = kept_->result;
    if (joined.kind == Joined::Kind::hit) {
        const Candidate &candidate = order_->plan.candidates[joined.candidate];
        cache_ = {true, to_hex(*joining_->cache_id()), candidate.provider->name, candidate.model};
        const auto &prepared = order_->plan.prepared(
            joined.candidate, order_->preparation(ports_.clock.unix_seconds()));
        result.adjustments = order_->request.adjustments;
        result.adjustments.insert(result.adjustments.end(), prepared->fitted.adjustments.begin(),
                                  prepared->fitted.adjustments.end());
        result.history = History();
    }
    pays_share() && !result.error ? reserve() : reply_kept();
}

void Exchange::reply_kept() {
    outcome_ = cache_.hit ? "cached" : by_key_ ? "replayed" : "shared";
    choose_reply();
    pay_share();
    on_result(kept_->result);
}

void Exchange::pay_share() {
    if (pays_share() && !result()->error) {
        order_->funds.pay(images_answered(), result()->bill.cost.usd);
    }
}

// The reply is about this request alone.
void Exchange::forget_shared() noexcept {
    source_ = Source::own;
    by_key_ = false;
    shared_.reset();
    kept_.reset();
}

// ---- 5. fit the request to each candidate: see core/routing/plan
// ---- 6. reserve images and money

void Exchange::reserve() {
    const Preparation preparation = order_->preparation(ports_.clock.unix_seconds());
    const int64_t images = order_->request.params.integer(Param::n, 1);
    begin_step();
    order_->funds.reserve(images, order_->plan, preparation, [this](const Entered &reserved) {
        end_step(&Timing::limits);
        if (!reserved) {
            joining_ == nullptr ? void() : joining_->let_go();
            forget_shared();
            fail(reserved.error());
        } else if (source_ == Source::kept) {
            reply_kept();
        } else {
            source_ == Source::followed ? follow() : make();
        }
    });
}

// ---- 7 and 8. attempt, and decide what to do next: see core/making and core/routing/execution

void Exchange::make() {
    if (source_ == Source::led && order_->progress == Order::Progress::pieces) {
        order_->progress = Order::Progress::none;  // a shared image is not passed through
    }
    choose_reply();
    if (source_ == Source::led && job_keep()) {
        start_job();
        return;
    }
    if (source_ == Source::led) {
        if (joining_->may_be_stored()) {
            cache_.id = joining_->cache_id() ? to_hex(*joining_->cache_id()) : "";
        }
        shared_ = ports_.sharing->running.begin(order_, joining_->terms());
        joining_->hand_over();
        phase_ = Phase::making;
        deadline_timer_.reset();  // the shared making has the order's deadline
        shared_->lead(*this);
        return;
    }
    making_ = std::make_unique<Making>(order_, health_, ports_, reply_,
                                       [this] { on_result(making_->result()); });
    phase_ = Phase::making;
    making_->start();
}

void Exchange::choose_reply() {
    if (order_->progress == Order::Progress::events) {
        other_reply_ = std::make_unique<StreamReply>(reply_context_, policy_.heartbeat);
    } else if (order_->progress == Order::Progress::pieces) {
        other_reply_ = std::make_unique<PassedReply>(reply_context_);
    } else if (policy_.plain_heartbeat && !job_keep()) {
        other_reply_ = std::make_unique<KeptAliveReply>(reply_context_, *policy_.plain_heartbeat);
    }
    reply_ = other_reply_ != nullptr ? other_reply_.get() : &document_;
}

void Exchange::note_unsent(size_t bytes) {
    const bool is_behind = bytes >= (held_ ? kMaxUnsent / 2 : kMaxUnsent);
    if (!is_behind && !held_) {
        return;
    }
    if (making_ != nullptr) {
        held_ = is_behind;
        making_->hold(held_);  // repeated, for calls that began since
    } else if (shared_ != nullptr) {
        held_ = is_behind;
        shared_->hold(held_);
    }
}

void Exchange::on_deadline() {
    if (making_ != nullptr) {
        making_->expire();
        return;
    }
    intake_.stop();
    joining_.reset();
    job_note_.reset();
    left_making_ = shared_ != nullptr;
    if (left_making_) {
        shared_->leave(*this);
    }
    forget_shared();
    fail(error_too_late(allowed_, left_making_));
}

// ---- 9. reply: all replies have one form

void Exchange::on_result(const Result &result) {
    const bool is_ours = source_ == Source::own || source_ == Source::led;
    if (is_ours) {
        outcome_ = result.outcome ? name_of(*result.outcome) : outcome_;
    }
    if (result.error) {
        fail(*result.error);
        return;
    }
    reply_->finish(result);
    phase_ = Phase::replied;
    if (making_ != nullptr) {
        making_->release_images();
    }
}

void Exchange::on_shared_end() {
    job_wait_.reset();
    if (const Rare<ApiError> &refusal = shared_->refusal()) {
        fail_job(*refusal);
        return;
    }
    if (source_ == Source::followed) {
        end_step(&Timing::wait);
        outcome_ = by_key_ ? "replayed" : "shared";
    }
    if (shared_->has_failed()) {
        outcome_ = "internal_error";
        fail(ApiError::of(kInternalError));
        return;
    }
    if (source_ == Source::followed) {
        pay_share();
    }
    on_result(shared_->result());
}

void Exchange::fail(const ApiError &error) {
    limited_ = error.limited;
    outcome_ = outcome_.empty() ? "refused" : outcome_;
    reply_->fail(error, facts_of(error));
    phase_ = Phase::replied;
}

Answer Exchange::refuse(const ApiError &error) {
    limited_ = error.limited;
    outcome_ = outcome_.empty() ? "refused" : outcome_;
    settle(error.status);
    cancel();
    Answer answer = error_answer(error, facts_of(error));
    add_quota_headers(order_->funds.quotas(), answer);
    return answer;
}

void Exchange::end_step(Milliseconds Timing::*step) {
    const Milliseconds now = ports_.clock.now();
    steps_.*step += now - std::exchange(step_began_, now);
}

// ---- 10. settle what was really used

void Exchange::settle(int status) noexcept {
    deadline_timer_.reset();
    waiting_place_.reset();
    settled_ = settled_.value_or(ports_.clock.now());
    if (!handed_over_) {
        Ending ending{status, outcome_, began_};
        if (making() == nullptr && images_answered() > 0) {  // those of another request
            ending.images = pays_share() ? images_answered() : 0;
            ending.cost = cost();
        }
        settle_order(*order_, making(), ports_, ending);
    }
}

// ---- endings from outside

void Exchange::stop_making() noexcept {
    if (source_ == Source::followed && phase_ == Phase::making) {
        end_step(&Timing::wait);
    }
    intake_.stop();
    joining_.reset();
    job_requests_.reset();
    job_note_.reset();
    job_wait_.reset();
    if (shared_ != nullptr) {
        handed_over_ = shared_->leave(*this) || handed_over_;
    } else if (making_ != nullptr) {
        making_->drop();
    }
}

void Exchange::cancel() noexcept {
    const Making *made_by = making();
    if (made_by != nullptr && made_by->is_asking()) {
        outcome_ = "client_gone";  // the provider may continue and bill
    } else if (made_by != nullptr && outcome_.empty() && made_by->result().outcome) {
        outcome_ = name_of(*made_by->result().outcome);
    }
    stop_making();
    settle(kClientGone);
    reply_->stop();
}

void Exchange::end_by_exception() noexcept {
    const bool is_over = phase_ == Phase::replied;
    if (!is_over) {
        outcome_ = "internal_error";
    }
    if (making_ != nullptr && !is_over) {
        making_->withhold();
    }
    stop_making();
    settle(kInternalError);
    if (is_over) {
        return;
    }
    try {
        fail(ApiError::of(kInternalError));
    } catch (...) {
        phase_ = Phase::replied;  // the adapter replies with a shorter 500
    }
}

}  // namespace gateway

#include "core/exchange/exchange.h"

#include <algorithm>
#include <utility>

#include "core/bytes/held_memory.h"
#include "core/exchange/understand.h"
#include "core/request_id.h"
#include "core/response/quota_headers.h"
#include "core/routing/failure.h"
#include "core/routing/observer.h"

namespace gateway {

namespace {

constexpr int kClientGone = 499;
constexpr int kInternalError = 500;
constexpr size_t kMaxUnsent = size_t{256} * 1024;

ApiError error_disk_held() {
    ApiError error = ApiError::of(507, "disk_space_short",
                                  "The gateway has no disk space for this body at the moment.");
    error.retry_after = 1;
    return error;
}

tl::unexpected<ApiError> unavailable(const char *code, const char *message) {
    ApiError error = ApiError::of(503, code, message);
    error.retry_after = 1;
    return tl::unexpected(std::move(error));
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
                     [this](int status) { settle(status); },
                     [this](Answer &answer) { add_quota_headers(order_->funds.quotas(), answer); },
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
    const HeldMemory::Owner owner = memory_owner_of(order.caller, head_);
    order.memory = ports_.memory.open(owner);
    const size_t copies = kCopiesOfBody * body.memory;
    if (!order.memory->may_begin() || !order.memory->may_hold(copies)) {
        return tl::unexpected(error_memory_held());
    }
    order.memory->hold(copies);
    if (ports_.disk != nullptr && body.may_need_disk) {
        order.disk = ports_.disk->open(owner);
        if (!order.disk->hold(body.disk)) {
            return tl::unexpected(error_disk_held());
        }
    }
    const auto wishes = read_wishes(head_);
    if (!wishes) {
        return tl::unexpected(wishes.error());
    }
    wishes_ = *wishes;
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
    order.funds.enter(parties, allowed_, [this](Entered entered) {
        phase_ = entered ? Phase::entered : phase_;
        if (later_ != nullptr) {
            std::exchange(later_, nullptr)(std::move(entered));
        } else {
            entered_ = std::move(entered);
        }
    });
    later_ = entered_ ? nullptr : std::move(later);
    return std::move(entered_);
}

bool Exchange::hold_disk(size_t bytes) {
    return order_->disk == nullptr || bytes <= order_->disk->held() || order_->disk->hold(bytes);
}

// ---- the other steps, after the body was read

void Exchange::run(Operation operation, ReceivedBody body, std::function<void(Answer)> answer) {
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
    intake_.convert_mask([this](const Entered &ready) { ready ? reserve() : fail(ready.error()); });
}

// ---- 5. fit the request to each candidate: see core/routing/plan
// ---- 6. reserve images and money

void Exchange::reserve() {
    const Preparation preparation = order_->preparation(ports_.clock.unix_seconds());
    const int64_t images = order_->request.params.integer(Param::n, 1);
    order_->funds.reserve(images, order_->plan, preparation, [this](const Entered &reserved) {
        reserved ? make() : fail(reserved.error());
    });
}

// ---- 7 and 8. attempt, and decide what to do next: see core/making and core/routing/execution

void Exchange::make() {
    choose_reply();
    making_ = std::make_unique<Making>(order_, health_, ports_, reply_, [this] { on_result(); });
    phase_ = Phase::making;
    making_->start();
}

void Exchange::choose_reply() {
    if (order_->progress == Order::Progress::events) {
        other_reply_ = std::make_unique<StreamReply>(reply_context_, policy_.heartbeat);
    } else if (order_->progress == Order::Progress::pieces) {
        other_reply_ = std::make_unique<PassedReply>(reply_context_);
    }
    reply_ = other_reply_ != nullptr ? other_reply_.get() : &document_;
}

void Exchange::note_unsent(size_t bytes) {
    const bool is_behind = bytes >= (held_ ? kMaxUnsent / 2 : kMaxUnsent);
    if ((is_behind || held_) && making_ != nullptr) {
        held_ = is_behind;
        making_->hold(held_);  // repeated, for calls that began since
    }
}

void Exchange::on_deadline() {
    if (making_ != nullptr) {
        making_->expire();
    } else {
        intake_.stop();
        fail(error_too_late(allowed_, false));
    }
}

// ---- 9. reply: all replies have one form

void Exchange::on_result() {
    const Result &result = making_->result();
    outcome_ = result.outcome ? name_of(*result.outcome) : outcome_;
    if (result.error) {
        fail(*result.error);
        return;
    }
    reply_->finish(result);
    phase_ = Phase::replied;
    making_->release_images();
}

void Exchange::fail(const ApiError &error) {
    outcome_ = outcome_.empty() ? "refused" : outcome_;
    reply_->fail(error, facts_of(error));
    phase_ = Phase::replied;
}

Answer Exchange::refuse(const ApiError &error) {
    outcome_ = outcome_.empty() ? "refused" : outcome_;
    settle(error.status);
    cancel();
    Answer answer = error_answer(error, facts_of(error));
    add_quota_headers(order_->funds.quotas(), answer);
    return answer;
}

const History &Exchange::history() const {
    static const History kNothing;
    return making_ == nullptr ? kNothing : making_->result().history;
}

AnswerFacts Exchange::facts() const {
    AnswerFacts facts;
    facts.request_id = order_->request_id;
    facts.created = ports_.clock.unix_seconds();
    facts.requested_model = order_->requested_model;
    facts.history = &history();
    facts.latency = milliseconds();
    facts.operation = &row_of(order_->operation);
    facts.on_stream = is_stream(*order_);
    facts.inputs = &order_->inputs;
    return facts;
}

AnswerFacts Exchange::facts_of(const ApiError &error) const {
    AnswerFacts facts = this->facts();
    facts.adjustments = &order_->request.adjustments;
    if (error.status == 504) {
        facts.may_still_be_working = history().may_still_be_working();
    }
    if (making_ != nullptr) {
        facts.cost = making_->result().withheld_cost;
    }
    facts.billed = images_lost() > 0 || facts.cost.has_value();
    return facts;
}

// ---- 10. settle what was really used

void Exchange::settle(int status) noexcept {
    deadline_timer_.reset();
    Funds &funds = order_->funds;
    if (!funds.has_entered()) {
        funds.drop_question();
        return;
    }
    const int64_t images = images_answered();
    if (images > 0 && !making_->is_billed()) {
        funds.pay(images, std::nullopt);  // images were sent before the making broke off
    }
    RequestEnd end{.history = history()};
    end.unix_seconds = ports_.clock.unix_seconds();
    end.request_id = order_->request_id;
    end.key = order_->caller.id();
    end.account = order_->caller.key == nullptr ? Account{} : order_->caller.key->account;
    end.end_user = order_->end_user;
    end.requested_model = order_->requested_model;
    end.images = images;
    end.images_lost = images_lost();
    end.cost = cost();
    end.counted = funds.spent(history());
    end.latency = milliseconds();
    end.status = status;
    end.outcome = outcome_;
    const auto day_counts = funds.settle(end.images, end.images_lost, end.counted);
    end.day_counts = day_counts;
    tell_request_end(ports_.observers, end);
}

// ---- endings from outside

void Exchange::cancel() noexcept {
    if (making_ != nullptr && making_->is_asking()) {
        outcome_ = "client_gone";  // the provider may continue and bill
    } else if (making_ != nullptr && outcome_.empty() && making_->result().outcome) {
        outcome_ = name_of(*making_->result().outcome);
    }
    intake_.stop();
    if (making_ != nullptr) {
        making_->drop();
    }
    settle(kClientGone);
    reply_->stop();
}

void Exchange::end_by_exception() noexcept {
    const bool is_over = phase_ == Phase::replied;
    intake_.stop();
    if (!is_over) {
        outcome_ = "internal_error";
    }
    if (making_ != nullptr) {
        if (!is_over) {
            making_->withhold();
        }
        making_->drop();
    }
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

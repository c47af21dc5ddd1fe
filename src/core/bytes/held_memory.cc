#include "core/bytes/held_memory.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/bytes/block_pool.h"

namespace gateway {

// ---- HeldMemory

HeldMemory::HeldMemory(const Rules &rules)
    : limit_(rules.limit),
      short_from_(limit_ / 4 * 3),
      share_(limit_ / 100 * rules.share + limit_ % 100 * rules.share / 100),
      step_(std::max(kBlockSize, limit_ / 16)) {}

std::shared_ptr<HeldMemory> HeldMemory::create(const Rules &rules) {
    return std::shared_ptr<HeldMemory>(new HeldMemory(rules));
}

std::shared_ptr<RequestMemory> HeldMemory::open(const Owner &owner) {
    auto &caller = *callers_.try_emplace(owner).first;
    ++caller.second.requests;
    try {
        return std::make_shared<RequestMemory>(shared_from_this(), caller, ++requests_);
    } catch (...) {
        if (--caller.second.requests == 0) {
            callers_.erase(owner);
        }
        throw;
    }
}

void HeldMemory::add(Caller &caller, size_t bytes) noexcept {
    total_ += bytes;
    caller.bytes += bytes;
}

void HeldMemory::subtract(Caller &caller, size_t bytes) noexcept {
    const bool was_short = total_ > short_from_;
    total_ -= bytes;
    caller.bytes -= bytes;
    if (was_short && total_ <= short_from_) {
        ++epoch_;
    }
}

bool HeldMemory::is_over(const Caller &caller, size_t more) const {
    return caller.bytes + more > share_;
}

bool HeldMemory::fits(const Caller &caller, size_t more) const {
    return total_ + more <= (is_over(caller, more) ? short_from_ : limit_);
}

// Partly received responses may fill all memory, and then none of them can complete. So one request
// may exceed the limit. It must hold a part of a response, and the total must not exceed the limit
// yet. The next request of the same caller may exceed the limit only when this one has ended or
// memory is no longer short. Otherwise callers above their share could fill the last quarter.
//
// Between its calls, and while its client reads nothing, the request lets another one exceed the
// limit in its place. It may come back, but then only while the total does not exceed the limit: so
// all of them together exceed it by what one request can hold.
bool HeldMemory::may_go_beyond(const RequestMemory &request) const {
    const bool is_taken = beyond_ != nullptr && beyond_ != &request;
    if (is_taken && !beyond_->stands_back_) {
        return false;
    }
    const bool was_beyond = request.debt_ == epoch_;
    if (was_beyond && !is_taken && last_beyond_ == request.number_) {
        return true;
    }
    return request.answers_ > 0 && total_ <= limit_ &&
           (was_beyond || request.caller_.second.debt != epoch_);
}

void HeldMemory::put_in_queue(AnswerMemory &answer) {
    auto place = queue_.end();
    while (place != queue_.begin() &&
           (*std::prev(place))->request_->number_ > answer.request_->number_) {
        --place;
    }
    queue_.splice(place, answer.place_);
    wanted_ += answer.wanted_;
    answer.request_->caller_.second.wanted += answer.wanted_;
}

void HeldMemory::take_from_queue(AnswerMemory &answer) noexcept {
    const auto place = std::find(queue_.begin(), queue_.end(), &answer);
    answer.place_.splice(answer.place_.begin(), queue_, place);
    wanted_ -= answer.wanted_;
    answer.request_->caller_.second.wanted -= answer.wanted_;
}

// Serves older requests first. A caller above its share who gets no memory does not block the
// others behind it.
AnswerMemory *HeldMemory::next_to_serve() const {
    bool is_over_kept_back = false;
    for (AnswerMemory *answer : queue_) {
        const Caller &caller = answer->request_->caller_.second;
        const bool over = is_over(caller, answer->wanted_);
        if (!(over && is_over_kept_back) && fits(caller, answer->wanted_)) {
            return answer;
        }
        if (!over) {
            break;
        }
        is_over_kept_back = true;
    }
    const auto beyond = std::find_if(queue_.begin(), queue_.end(), [this](const auto *answer) {
        return may_go_beyond(*answer->request_);
    });
    return beyond == queue_.end() ? nullptr : *beyond;
}

void HeldMemory::grant(AnswerMemory &answer) noexcept {
    RequestMemory &request = *answer.request_;
    Caller &caller = request.caller_.second;
    if (!fits(caller, answer.wanted_)) {
        beyond_ = &request;
        last_beyond_ = request.number_;
        request.debt_ = epoch_;
        caller.debt = epoch_;
    }
    add(caller, answer.wanted_);
    answer.reserved_ += std::exchange(answer.wanted_, 0);
    if (!std::exchange(answer.receiving_, true)) {
        ++request.receiving_;
    }
}

void HeldMemory::serve() {
    while (AnswerMemory *answer = next_to_serve()) {
        take_from_queue(*answer);
        grant(*answer);
        if (answer->on_room) {
            answer->on_room();
        }
    }
}

// ---- RequestMemory

RequestMemory::RequestMemory(std::shared_ptr<HeldMemory> held,
                             HeldMemory::Callers::value_type &caller, uint64_t number)
    : held_(std::move(held)), caller_(caller), number_(number) {}

RequestMemory::~RequestMemory() {
    hold(0);
    if (held_->beyond_ == this) {
        held_->beyond_ = nullptr;
    }
    if (debt_ == held_->epoch_) {
        caller_.second.debt = 0;
    }
    if (--caller_.second.requests == 0) {
        held_->callers_.erase(held_->callers_.find(caller_.first));
    }
}

bool RequestMemory::may_begin() const {
    const HeldMemory::Caller &caller = caller_.second;
    if (answers_ > 0) {
        return true;
    }
    // The request's own body is already held, so it does not count here.
    const size_t others = held_->total_ - own_;
    return held_->is_over(caller, caller.wanted) ? others + held_->wanted_ < held_->short_from_
                                                 : others < held_->limit_;
}

// Bodies stay in memory until the reply is sent. They may take at most half of what the caller may
// hold, so that there is room for responses. Otherwise requests would wait for each other's bodies.
bool RequestMemory::may_hold(size_t bytes) const {
    const size_t max = held_->is_over(caller_.second, bytes) ? held_->short_from_ : held_->limit_;
    return held_->bodies_ == 0 || held_->bodies_ + bytes <= max / 2;
}

void RequestMemory::hold(size_t bytes) noexcept {
    held_->subtract(caller_.second, own_);
    held_->add(caller_.second, bytes);
    held_->bodies_ += bytes - own_;
    own_ = bytes;
}

std::shared_ptr<AnswerMemory> RequestMemory::begin_answer() {
    return std::make_shared<AnswerMemory>(shared_from_this());
}

// ---- AnswerMemory

AnswerMemory::AnswerMemory(std::shared_ptr<RequestMemory> request)
    : request_(std::move(request)), place_{this} {
    ++request_->held_->answers_;
}

AnswerMemory::~AnswerMemory() {
    end();
}

bool AnswerMemory::reserve(size_t need, size_t wish) {
    if (reserved_ >= need) {
        return true;
    }
    if (place_.empty()) {
        return false;  // already in the queue
    }
    HeldMemory &held = *request_->held_;
    wanted_ = std::max(need, std::min(wish, held.step_)) - reserved_;
    const bool is_first = held.queue_.empty();
    held.put_in_queue(*this);
    if (held.next_to_serve() == this) {
        held.take_from_queue(*this);
        held.grant(*this);
        return true;
    }
    if (is_first && held.on_waiting) {
        held.on_waiting();
    }
    return false;
}

bool AnswerMemory::reserve_at_once(size_t bytes) noexcept {
    HeldMemory &held = *request_->held_;
    HeldMemory::Caller &caller = request_->caller_.second;
    if (!held.queue_.empty() || !held.fits(caller, bytes)) {
        return false;
    }
    held.add(caller, bytes);
    reserved_ += bytes;
    return true;
}

void AnswerMemory::end() noexcept {
    if (std::exchange(ended_, true)) {
        return;
    }
    HeldMemory &held = *request_->held_;
    --held.answers_;
    if (place_.empty()) {
        held.take_from_queue(*this);
    }
    held.subtract(request_->caller_.second, std::exchange(reserved_, 0));
    if (receiving_ && --request_->receiving_ == 0) {
        request_->stands_back_ = false;  // the next call says so itself
        held.beyond_ = held.beyond_ == request_.get() ? nullptr : held.beyond_;
    }
}

void AnswerMemory::take(size_t bytes) noexcept {
    const size_t spent = std::min(reserved_, bytes);
    reserved_ -= spent;
    request_->held_->add(request_->caller_.second, bytes - spent);
    request_->answers_ += bytes;
}

void AnswerMemory::give_back(size_t bytes) noexcept {
    request_->answers_ -= bytes;
    request_->held_->subtract(request_->caller_.second, bytes);
}

}  // namespace gateway

#include "upstream/provider_transfer.h"

#include <algorithm>
#include <utility>

#include "core/images/inspect.h"
#include "upstream/curl_multi.h"

namespace gateway {

namespace {

constexpr size_t kMaxUnheard = size_t{32} * 1024;  // may be read before anybody hears of it
constexpr size_t kMaxWaiting = 64;                 // events; each costs more than its bytes

std::shared_ptr<AnswerMemory> memory_for(const HttpCall &call) {
    return call.memory == nullptr ? nullptr : call.memory->begin_answer();
}

}  // namespace

ProviderTransfer::ProviderTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop,
                                   std::shared_ptr<BlockPool> blocks, HttpCall &&call,
                                   CallListener &&listener, Kind kind)
    : CurlJob(multi, owner, kind),
      call_(std::move(call)),
      listener_(std::move(listener)),
      memory_(memory_for(call_)),
      // Idle: the deadline of the request keeps the process from exiting.
      alarm_(loop.make_alarm([this] { on_watch(); }, TimerKind::idle)),
      began_(std::chrono::steady_clock::now()),
      blocks_(std::move(blocks)) {
    if (memory_ != nullptr) {
        memory_->on_room = [this] { on_room(); };
    }
}

ProviderTransfer::~ProviderTransfer() {
    if (memory_ != nullptr) {
        memory_->on_room = nullptr;
        memory_->end();
    }
}

// ---- the body ----

ProviderTransfer::Taken ProviderTransfer::take_piece(std::string_view bytes) {
    if (must_wait()) {
        return pause();
    }
    if (body_ == nullptr) {
        begin_body();
    }
    const size_t received = received_ + bytes.size();
    if (call_.answer_max != 0 && received > call_.answer_max) {
        too_large_ = true;
        return Taken::refused;
    }
    if (!has_room(bytes.size())) {
        return pause();
    }
    count(bytes.size());
    received_ = received;
    return take_body(bytes) ? Taken::all : Taken::refused;
}

ProviderTransfer::Taken ProviderTransfer::pause() noexcept {
    paused_ = true;
    note_held_time();
    return Taken::later;
}

// Waits for the next turn if this turn's share is used up.
void ProviderTransfer::count_turn() noexcept {
    if (has_had_its_turn()) {
        had_its_turn_ = true;
        multi_.wait_for_turn(*this);
    }
}

bool ProviderTransfer::must_wait() const {
    return had_its_turn_ || is_held_up() || unheard_ >= kMaxUnheard ||
           waiting_.size() >= kMaxWaiting;
}

void ProviderTransfer::begin_body() {
    last_byte_ = std::chrono::steady_clock::now();
    is_image_ = call_.takes_image && response_.status == 200 &&
                !response_.header("content-type").starts_with("application/json");
    response_.streamed = listener_.on_event && response_.status == 200 &&
                         response_.header("content-type").starts_with("text/event-stream");
    Blocks blocks(blocks_, memory_);
    if (response_.streamed) {
        body_ = std::make_unique<Body>(
            std::in_place_type<EventReader>, std::move(blocks),
            [this](ServerEvent event) { waiting_.push_back(std::move(event)); });
    } else if (is_image_) {
        body_ = std::make_unique<Body>(std::in_place_type<Base64Writer>, std::move(blocks));
    } else {
        body_ = std::make_unique<Body>(std::in_place_type<Lifter>, std::move(blocks));
    }
    watch();
}

// A response that is kept whole reserves all it needs at once, so that responses that wait for
// memory hold little.
bool ProviderTransfer::has_room(size_t count) {
    if (memory_ == nullptr) {
        return true;
    }
    const size_t need = blocks_for(count) * kBlockSize;
    if (memory_->reserved() >= need) {
        return true;
    }
    const bool is_whole = !response_.streamed && !listener_.on_piece;
    const std::optional<size_t> length = body_length();
    const size_t coming =
        length ? std::max(*length, received_) - received_ : std::max(kFirstRoom, received_);
    const size_t max = call_.answer_max == 0 ? coming : call_.answer_max - received_;
    return memory_->reserve(need, is_whole ? blocks_for(std::min(coming, max)) * kBlockSize : need);
}

size_t ProviderTransfer::blocks_for(size_t count) const {
    return std::visit([count](const auto &body) { return body.blocks_for(count); }, *body_);
}

void ProviderTransfer::on_room() {
    note_held_time();
    go_on();
}

bool ProviderTransfer::take_body(std::string_view bytes) {
    last_byte_ = std::chrono::steady_clock::now();
    if (response_.streamed) {
        std::get<EventReader>(*body_).feed(bytes);
        if (!waiting_.empty()) {
            unheard_ += bytes.size();
            multi_.note(*this);
        }
        return true;
    }
    std::visit([bytes](auto &body) { body.feed(bytes); }, *body_);
    return !listener_.on_piece || response_.status != 200 || pass_on();
}

bool ProviderTransfer::pass_on() {
    if (passed_ == 0 && !is_image_begun()) {
        return true;
    }
    const std::optional<Bytes> fresh =
        is_image_ ? std::get<Base64Writer>(*body_).pass() : std::get<Lifter>(*body_).pass();
    if (!fresh) {
        return false;  // it is not base64
    }
    pieces_.append(*fresh);
    passed_ += fresh->size();
    unheard_ += fresh->size();
    if (!pieces_.empty()) {
        multi_.note(*this);
    }
    return true;
}

bool ProviderTransfer::is_image_begun() {
    const Bytes begun =
        is_image_ ? std::get<Base64Writer>(*body_).text() : std::get<Lifter>(*body_).open_string();
    if (begun.empty() || begun.size() < next_look_) {
        return false;
    }
    next_look_ = begun.size() * 2;
    return inspect(begun.part(0, begun.size() / 4 * 4)).has_value();
}

// ---- pausing: for slow clients, and in turn with other transfers ----

void ProviderTransfer::hold(bool held) {
    held_ = held;
    if (memory_ != nullptr) {
        memory_->stand_back(held);
    }
    note_held_time();
    go_on();
}

void ProviderTransfer::take_turn() {
    had_its_turn_ = false;
    if (ended_) {
        multi_.finish(*this);
    } else if (!waiting_.empty()) {
        multi_.note(*this);
    } else {
        go_on();
    }
}

void ProviderTransfer::go_on() {
    if (paused_ && !must_wait()) {
        paused_ = false;
        last_byte_ = std::chrono::steady_clock::now();
        resume();
    }
}

// ---- the provider's time ----

// Time in which our client does not read, or memory is short, does not count for the provider.
void ProviderTransfer::note_held_time() noexcept {
    const Time now = std::chrono::steady_clock::now();
    const bool is_held = paused_ && is_held_up();
    if (is_held && !held_since_) {
        held_since_ = now;
        response_.delayed = true;
        alarm_->unset();
    } else if (!is_held && held_since_) {
        held_for_ += now - *held_since_;
        held_since_.reset();
        last_byte_ = now;
        watch();
    }
}

ProviderTransfer::Time::duration ProviderTransfer::time_used(Time now) const {
    return now - began_ - held_for_;
}

// Sets the alarm for the earliest of the timeouts: total, and first byte or stall.
void ProviderTransfer::watch() noexcept {
    const Time now = std::chrono::steady_clock::now();
    const Time::duration used = time_used(now);
    Time::duration left = call_.timeouts.total - used;
    if (has_body()) {
        const Time::duration silent = paused_ ? Time::duration(0) : now - last_byte_;
        left = std::min<Time::duration>(left, call_.timeouts.stall - silent);
    } else if (response_.status < 200) {
        left = std::min<Time::duration>(left, call_.timeouts.first_byte - used);
    }
    alarm_->set(std::max(Milliseconds(1), std::chrono::ceil<Milliseconds>(left)));
}

void ProviderTransfer::on_watch() noexcept {
    const Time now = std::chrono::steady_clock::now();
    const Time::duration used = time_used(now);
    const bool is_silent = has_body() ? !paused_ && now - last_byte_ >= call_.timeouts.stall
                                      : response_.status < 200 && used >= call_.timeouts.first_byte;
    if (is_silent || used >= call_.timeouts.total) {
        time_out();
    } else if (is_running()) {
        watch();
    }
}

// ---- the end ----

// Handles as many events as there is time for in this turn. False if some are left.
bool ProviderTransfer::hand_over() {
    while (handed_over_ < waiting_.size()) {
        if (has_had_its_turn()) {
            multi_.wait_for_turn(*this);
            return false;
        }
        listener_.on_event(std::move(waiting_[handed_over_++]));
    }
    waiting_.clear();
    handed_over_ = 0;
    if (!pieces_.empty()) {
        listener_.on_piece(std::exchange(pieces_, Bytes()));
    }
    unheard_ = 0;
    return true;
}

void ProviderTransfer::hear() {
    if (hand_over()) {
        go_on();
    }
}

void ProviderTransfer::take_whole_body() {
    if (auto *text = std::get_if<Lifter>(body_.get())) {
        response_.body = std::move(*text).finish();
    } else if (auto *image = std::get_if<Base64Writer>(body_.get())) {
        response_.image = std::move(*image).finish();
    }
}

void ProviderTransfer::deliver() {
    alarm_->unset();
    paused_ = false;
    if (memory_ != nullptr) {
        memory_->end();
    }
    const bool is_first = !std::exchange(ended_, true);
    count_sent();
    rethrow();
    if (is_first) {
        const bool is_whole = is_complete();
        if (response_.streamed && is_whole) {
            std::get<EventReader>(*body_).finish();
        }
        if (is_image_ && is_whole) {
            std::get<Base64Writer>(*body_).end();
            passed_ > 0 ? (void)pass_on() : void();
        }
    }
    if (!hand_over()) {
        return;
    }
    response_.end = transfer_end();
    if (!is_complete()) {
        response_.problem = why();
    }
    if (body_ != nullptr) {
        take_whole_body();
    }
    const auto on_response = std::move(listener_.on_response);
    on_response(std::move(response_));
}

}  // namespace gateway

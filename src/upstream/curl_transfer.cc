#include "upstream/curl_transfer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "core/images/inspect.h"
#include "upstream/curl_multi.h"

namespace gateway {

namespace {

// Up to this size curl sends a body with the head in one call of send(), and needs no buffer for
// it.
constexpr size_t kMaxWithHead = size_t{64} * 1024;
constexpr size_t kMaxHeaderBytes = 64 * 1024;           // of headers that are kept
constexpr size_t kMaxOfAllHeads = size_t{1024} * 1024;  // including informational responses
constexpr int64_t kMaxOfFarewell = 64;  // of TLS's close_notify; every head is longer
constexpr Milliseconds kAcknowledgedBy{1'000};
constexpr long kSmallReceiveBuffer = 32L * 1024;   // where clients set the pace
constexpr long kMediumReceiveBuffer = 64L * 1024;  // if many calls are in progress
constexpr size_t kMaxUnheard = size_t{32} * 1024;  // curl may read for long before it returns
constexpr size_t kMaxWaiting = 64;                 // events; each costs more than its bytes

// A paused transfer keeps a copy of the data it has read, besides its receive buffer.
constexpr size_t kBuffersOfCall = 2 * kReceiveBuffer;

std::shared_ptr<AnswerMemory> memory_for(const HttpCall &call) {
    return call.memory == nullptr ? nullptr : call.memory->begin_answer();
}

}  // namespace

CurlTransfer::CurlTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop, TaskPool *tasks,
                           std::shared_ptr<BlockPool> blocks, HttpCall call, CallListener listener)
    : CurlJob(multi, owner),
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
    configure(tasks);
    watch();
    multi_.add(*this);
}

CurlTransfer::~CurlTransfer() {
    leave();
    if (memory_ != nullptr) {
        memory_->on_room = nullptr;
        memory_->end();
    }
}

// Handles are reused without a reset, so every option that differs between calls is set for each.
void CurlTransfer::configure(TaskPool *tasks) {
    // Else curl would send "Expect: 100-continue" with large bodies, and wait a second.
    set_headers(call_.headers, "Expect:");
    curl_easy_setopt(easy_, CURLOPT_URL, call_.url.c_str());
    std::string().swap(call_.url);  // curl has copied it
    // A PUT is sent as a POST with another method: curl's own PUT reads its body from a file.
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST,
                     call_.method == HttpMethod::put ? "PUT" : nullptr);
    if (call_.method != HttpMethod::get) {
        configure_body(tasks);
    } else {
        curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    }
    keep_connection_for(call_.timeouts.keepalive);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(call_.timeouts.connect.count()));
    // An empty proxy means none, also if the environment names one.
    curl_easy_setopt(easy_, CURLOPT_PROXY, call_.proxy.c_str());
    const bool is_passed = listener_.on_event || listener_.on_piece;
    const bool many = memory_ != nullptr && call_.memory->is_much(kBuffersOfCall);
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE,
                     is_passed ? kSmallReceiveBuffer
                     : many    ? kMediumReceiveBuffer
                               : kReceiveBuffer);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &CurlTransfer::on_send);
    curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::on_open);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
}

// A short body of one part is given to curl as it lies in memory. Any other is read part by part.
// What a part refers to is never copied as a whole.
void CurlTransfer::configure_body(TaskPool *tasks) {
    const CallBody &body = call_.body;
    const std::vector<Slice> &slices = body.text().slices();
    const bool is_short =
        body.inserts().empty() && slices.size() <= 1 && body.size() <= kMaxWithHead;
    const char *text = slices.empty() ? "" : slices.front().text.data();
    curl_easy_setopt(easy_, CURLOPT_POST, 1L);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, is_short ? text : nullptr);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    if (!is_short) {
        request_body_ = std::make_unique<CallBodyReader>(body, tasks, [this] { on_body_ready(); });
        curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &CurlTransfer::on_read);
        curl_easy_setopt(easy_, CURLOPT_READDATA, this);
        curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &CurlTransfer::on_seek);
        curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
    }
}

// Curl counts whole seconds, and reuses a connection until its limit plus almost a second. So the
// limit is one second less, and with less than two seconds no connection is kept.
void CurlTransfer::keep_connection_for(Milliseconds time) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count() - 1;
    const bool is_kept = seconds >= 1;
    curl_easy_setopt(easy_, CURLOPT_MAXAGE_CONN, static_cast<long>(is_kept ? seconds : 1));
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, is_kept ? 0L : 1L);
    curl_easy_setopt(easy_, CURLOPT_FORBID_REUSE, is_kept ? 0L : 1L);
}

// ---- curl's callbacks: they only record ----

// When a reused connection turns out to be closed, curl would repeat a POST. This aborts it,
// because the first one may have been billed.
int CurlTransfer::on_send(void *self, char * /*primary*/, char * /*local*/, int /*port*/,
                          int port) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    if (++transfer.sends_ == 1) {
        transfer.port_ = port;
        transfer.sent_ = std::chrono::steady_clock::now();
    }
    if (!transfer.is_resent()) {
        return CURL_PREREQFUNC_OK;
    }
    transfer.is_retried_ = true;
    transfer.undelivered_ = transfer.was_never_delivered();
    return CURL_PREREQFUNC_ABORT;
}

size_t CurlTransfer::on_read(char *into, size_t size, size_t count, void *self) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    try {
        return transfer.read_body({into, size * count});
    } catch (...) {
        transfer.keep_exception();
        return CURL_READFUNC_ABORT;
    }
}

size_t CurlTransfer::read_body(std::span<char> into) {
    const auto [state, count] = request_body_->read(into);
    switch (state) {
        case CallBodyReader::State::going_on: return count;
        case CallBodyReader::State::waiting: return CURL_READFUNC_PAUSE;
        case CallBodyReader::State::failed: body_failed_ = true; break;
    }
    return CURL_READFUNC_ABORT;
}

// To resume also resumes what is received. Where that must still wait, it pauses again at once.
void CurlTransfer::on_body_ready() {
    if (added()) {
        multi_.resume(*this);
    }
}

// Curl reads a body again from its beginning when it repeats a request on another connection. A
// POST that it repeats is stopped in on_send(), before any of it is sent.
int CurlTransfer::on_seek(void *self, curl_off_t offset, int origin) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    const bool found = origin == SEEK_SET && offset >= 0 &&
                       transfer.request_body_->seek(static_cast<size_t>(offset));
    return found ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

// For a connection that ended without a response: whether the provider certainly did not get the
// body. Nothing is sent after the body but TLS's close_notify.
bool CurlTransfer::was_never_delivered() const noexcept {
    long sent = 0;
    curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &sent);
    if (sent == 0) {
        return true;  // nothing was written to the first connection
    }
    const CurlMulti::Closed *closed = multi_.closed(port_);
    const auto body = static_cast<int64_t>(call_.body.size());
    if (closed == nullptr || closed->lost.bytes < body + kMaxOfFarewell) {
        return false;
    }
    // A peer that closes acknowledges what it has received. A reset may overtake an
    // acknowledgement, which may be delayed by 200 ms. But a reset within a round trip was sent
    // before the request arrived.
    const auto age = closed->at - sent_;
    return !closed->lost.reset || age < closed->lost.round_trip || age >= kAcknowledgedBy;
}

// If the event loop has no room for another socket, only this transfer fails.
curl_socket_t CurlTransfer::on_open(void *self, curlsocktype /*purpose*/,
                                    curl_sockaddr *address) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    const int socket = transfer.multi_.open_socket(*address);
    transfer.no_connection_ = socket < 0;
    return socket < 0 ? CURL_SOCKET_BAD : socket;
}

size_t CurlTransfer::on_header(char *text, size_t size, size_t count, void *self) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    const size_t length = size * count;
    transfer.header_bytes_ += length;
    if (transfer.header_bytes_ > kMaxOfAllHeads) {
        transfer.too_large_ = true;
        return 0;
    }
    try {
        transfer.take_header({text, length});
    } catch (...) {
        transfer.keep_exception();
        return 0;
    }
    return length;
}

void CurlTransfer::take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
        // A new head: the one before it was informational.
        const size_t space = line.find(' ');
        const std::string_view digits =
            space == std::string_view::npos ? "" : line.substr(space + 1, 3);
        response_.status = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), response_.status);
        response_.headers.clear();
        response_.headers.reserve(1024);
    } else if (response_.headers.size() + line.size() <= kMaxHeaderBytes) {
        response_.headers += line;
    }
}

size_t CurlTransfer::on_body(char *bytes, size_t size, size_t count, void *self) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    if (transfer.has_had_its_turn()) {
        transfer.had_its_turn_ = true;
        transfer.multi_.wait_for_turn(transfer);
    }
    try {
        return transfer.take_piece({bytes, size * count});
    } catch (...) {
        transfer.keep_exception();
        return 0;
    }
}

// If this pauses the transfer, curl keeps the bytes and passes them again when it is resumed.
size_t CurlTransfer::take_piece(std::string_view bytes) {
    if (must_wait()) {
        return pause();
    }
    if (body_ == nullptr) {
        begin_body();
    }
    const size_t received = received_ + bytes.size();
    if (call_.answer_max != 0 && received > call_.answer_max) {
        too_large_ = true;
        return 0;
    }
    if (!has_room(bytes.size())) {
        return pause();
    }
    count(bytes.size());
    received_ = received;
    return take_body(bytes) ? bytes.size() : 0;
}

size_t CurlTransfer::pause() noexcept {
    paused_ = true;
    note_held_time();
    return CURL_WRITEFUNC_PAUSE;
}

bool CurlTransfer::must_wait() const {
    return had_its_turn_ || is_held_up() || unheard_ >= kMaxUnheard ||
           waiting_.size() >= kMaxWaiting;
}

void CurlTransfer::begin_body() {
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
bool CurlTransfer::has_room(size_t count) {
    if (memory_ == nullptr) {
        return true;
    }
    const size_t need = blocks_for(count) * kBlockSize;
    if (memory_->reserved() >= need) {
        return true;
    }
    const bool is_whole = !response_.streamed && !listener_.on_piece;
    const size_t coming =
        promised() ? std::max(*promised(), received_) - received_ : std::max(kFirstRoom, received_);
    const size_t max = call_.answer_max == 0 ? coming : call_.answer_max - received_;
    return memory_->reserve(need, is_whole ? blocks_for(std::min(coming, max)) * kBlockSize : need);
}

size_t CurlTransfer::blocks_for(size_t count) const {
    return std::visit([count](const auto &body) { return body.blocks_for(count); }, *body_);
}

void CurlTransfer::on_room() {
    note_held_time();
    go_on();
}

bool CurlTransfer::take_body(std::string_view bytes) {
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

bool CurlTransfer::pass_on() {
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

bool CurlTransfer::is_image_begun() {
    const Bytes begun =
        is_image_ ? std::get<Base64Writer>(*body_).text() : std::get<Lifter>(*body_).open_string();
    if (begun.empty() || begun.size() < next_look_) {
        return false;
    }
    next_look_ = begun.size() * 2;
    return inspect(begun.part(0, begun.size() / 4 * 4)).has_value();
}

// ---- pausing: for slow clients, and in turn with other transfers ----

void CurlTransfer::hold(bool held) {
    held_ = held;
    if (memory_ != nullptr) {
        memory_->stand_back(held);
    }
    note_held_time();
    go_on();
}

void CurlTransfer::take_turn() {
    had_its_turn_ = false;
    if (ended_) {
        multi_.finish(*this);
    } else if (!waiting_.empty()) {
        multi_.note(*this);
    } else {
        go_on();
    }
}

void CurlTransfer::go_on() {
    if (paused_ && !must_wait()) {
        paused_ = false;
        last_byte_ = std::chrono::steady_clock::now();
        multi_.resume(*this);
    }
}

// ---- the provider's time ----

// Time in which our client does not read, or memory is short, does not count for the provider.
void CurlTransfer::note_held_time() noexcept {
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

CurlTransfer::Time::duration CurlTransfer::time_used(Time now) const {
    return now - began_ - held_for_;
}

// Sets the alarm for the earliest of the timeouts: total, and first byte or stall.
void CurlTransfer::watch() noexcept {
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

void CurlTransfer::on_watch() noexcept {
    const Time now = std::chrono::steady_clock::now();
    const Time::duration used = time_used(now);
    const bool is_silent = has_body() ? !paused_ && now - last_byte_ >= call_.timeouts.stall
                                      : response_.status < 200 && used >= call_.timeouts.first_byte;
    if (is_silent || used >= call_.timeouts.total) {
        multi_.end(*this, CURLE_OPERATION_TIMEDOUT);
    } else if (added()) {
        watch();
    }
}

// ---- the end ----

bool CurlTransfer::is_sent() const {
    curl_off_t uploaded = 0;
    curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    return sends_ > 0 && static_cast<size_t>(uploaded) >= call_.body.size();
}

TransferEnd CurlTransfer::transfer_end() const {
    if (result_ == CURLE_OK) {
        return TransferEnd::answered;
    }
    if (too_large_) {
        return TransferEnd::too_large;
    }
    if (is_resent()) {
        return undelivered_ ? TransferEnd::not_sent : TransferEnd::lost;
    }
    if (!is_sent()) {
        return body_failed_     ? TransferEnd::not_read
               : no_connection_ ? TransferEnd::no_connection
                                : TransferEnd::not_sent;
    }
    return result_ == CURLE_OPERATION_TIMEDOUT ? TransferEnd::timed_out : TransferEnd::lost;
}

// Handles as many events as there is time for in this turn. False if some are left.
bool CurlTransfer::hand_over() {
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

void CurlTransfer::hear() {
    if (hand_over()) {
        go_on();
    }
}

void CurlTransfer::take_whole_body() {
    if (auto *text = std::get_if<Lifter>(body_.get())) {
        response_.body = std::move(*text).finish();
    } else if (auto *image = std::get_if<Base64Writer>(body_.get())) {
        response_.image = std::move(*image).finish();
    }
}

void CurlTransfer::deliver() {
    alarm_->unset();
    paused_ = false;
    if (memory_ != nullptr) {
        memory_->end();
    }
    const bool is_first = !std::exchange(ended_, true);
    rethrow();
    if (is_first) {
        if (response_.streamed && result_ == CURLE_OK) {
            std::get<EventReader>(*body_).finish();
        }
        if (is_image_ && result_ == CURLE_OK) {
            std::get<Base64Writer>(*body_).end();
            passed_ > 0 ? (void)pass_on() : void();
        }
    }
    if (!hand_over()) {
        return;
    }
    response_.end = transfer_end();
    if (body_failed_) {
        response_.problem = request_body_->problem();
    } else if (is_resent()) {
        response_.problem = "the connection was closed before a response";
    } else if (result_ != CURLE_OK) {
        response_.problem = problem();
    }
    if (body_ != nullptr) {
        take_whole_body();
    }
    const auto on_response = std::move(listener_.on_response);
    on_response(std::move(response_));
}

}  // namespace gateway

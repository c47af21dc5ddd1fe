#include "upstream/curl_transfer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "upstream/curl_multi.h"

namespace gateway {

namespace {

// Up to this size curl sends a body with the head in one call of send(), and needs no buffer for
// it.
constexpr size_t kMaxWithHead = size_t{64} * 1024;
// With a larger body curl would send "Expect: 100-continue", and wait a second. Its limit is 1 MB.
constexpr size_t kMaxUnexpected = 512 * 1024;
constexpr size_t kMaxHeaderBytes = 64 * 1024;           // of headers that are kept
constexpr size_t kMaxOfAllHeads = size_t{1024} * 1024;  // including informational responses
constexpr int64_t kMaxOfFarewell = 64;  // of TLS's close_notify; every head is longer
constexpr Milliseconds kAcknowledgedBy{1'000};
constexpr long kSmallReceiveBuffer = 32L * 1024;   // where clients set the pace
constexpr long kMediumReceiveBuffer = 64L * 1024;  // if many calls are in progress
// A paused transfer keeps a copy of the data it has read, besides its receive buffer.
constexpr size_t kBuffersOfCall = 2 * kReceiveBuffer;

}  // namespace

CurlTransfer::CurlTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop, TaskPool *tasks,
                           std::shared_ptr<BlockPool> blocks, HttpCall &&call,
                           CallListener &&listener)
    : ProviderTransfer(multi, owner, loop, std::move(blocks), std::move(call), std::move(listener),
                       Kind::curls) {
    configure(tasks);
    watch();
    multi_.add(*this);
}

CurlTransfer::~CurlTransfer() {
    count_sent();
    leave();
}

// Handles are reused without a reset, so every option that differs between calls is set for each.
void CurlTransfer::configure(TaskPool *tasks) {
    set_headers(call_.headers, call_.body.size() > kMaxUnexpected ? "Expect:" : nullptr);
    curl_easy_setopt(easy_, CURLOPT_URL, call_.url.c_str());
    std::string().swap(call_.url);  // curl has copied it
    // A PUT is sent as a POST with another method: curl's own PUT reads its body from a file.
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST,
                     call_.method == HttpMethod::put      ? "PUT"
                     : call_.method == HttpMethod::remove ? "DELETE"
                                                          : nullptr);
    if (call_.sends_body()) {
        configure_body(tasks);
    } else {
        curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    }
    keep_connection_for(call_.timeouts.keepalive);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(call_.timeouts.connect.count()));
    // An empty proxy means none, also if the environment names one.
    curl_easy_setopt(easy_, CURLOPT_PROXY, call_.proxy.c_str());
    const bool is_short =
        call_.answer_max != 0 && call_.answer_max <= static_cast<size_t>(kSmallReceiveBuffer);
    const bool many = call_.memory != nullptr && call_.memory->is_much(kBuffersOfCall);
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE,
                     is_passed_on() || is_short ? kSmallReceiveBuffer
                     : many                     ? kMediumReceiveBuffer
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
    } else {
        transfer.is_retried_ = true;
    }
    if (!transfer.is_resent()) {
        return CURL_PREREQFUNC_OK;
    }
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
        transfer.set_too_large();
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
    count_received(line.size());
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
    transfer.count_turn();
    try {
        switch (transfer.take_piece({bytes, size * count})) {
            case Taken::all: transfer.count_received(size * count); return size * count;
            // Curl keeps the bytes and passes them again when it is resumed.
            case Taken::later: return CURL_WRITEFUNC_PAUSE;
            case Taken::refused: break;
        }
    } catch (...) {
        transfer.keep_exception();
    }
    return 0;
}

// ---- the end ----

// Once. Curl counts a body that it sends together with the head as part of the request's size.
void CurlTransfer::count_sent() noexcept {
    Traffic *traffic = std::exchange(call_.traffic, nullptr);
    if (traffic == nullptr || easy_ == nullptr) {
        return;
    }
    long request = 0;
    curl_off_t body = 0;
    curl_easy_getinfo(easy_, CURLINFO_REQUEST_SIZE, &request);
    if (request_body_ != nullptr) {
        curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &body);
    }
    traffic->sent += static_cast<uint64_t>(request) + static_cast<uint64_t>(body);
}

bool CurlTransfer::is_sent() const {
    curl_off_t uploaded = 0;
    curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    return sends_ > 0 && static_cast<size_t>(uploaded) >= call_.body.size();
}

TransferEnd CurlTransfer::transfer_end() const {
    if (result_ == CURLE_OK) {
        return TransferEnd::answered;
    }
    if (is_too_large()) {
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

bool CurlTransfer::is_complete() const {
    return result_ == CURLE_OK;
}

const char *CurlTransfer::why() const {
    return body_failed_  ? request_body_->problem()
           : is_resent() ? "the connection was closed before a response"
                         : problem();
}

void CurlTransfer::resume() noexcept {
    multi_.resume(*this);
}

void CurlTransfer::time_out() noexcept {
    multi_.end(*this, CURLE_OPERATION_TIMEDOUT);
}

}  // namespace gateway

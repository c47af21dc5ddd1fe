#include "upstream/native_transfer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "upstream/curl_multi.h"
#include "upstream/unacknowledged.h"

namespace gateway {

namespace {

constexpr size_t kPieceOfBody = size_t{16} * 1024;
constexpr size_t kReadWherePassedOn = size_t{32} * 1024;  // where clients set the pace
constexpr size_t kSendBuffer = size_t{64} * 1024;
constexpr size_t kMaxParts = 64;
constexpr int kFirstError = 300;
// Every head is longer. What is not acknowledged besides the body is then not
// the body.
constexpr int64_t kShorterThanAHead = 64;
constexpr Milliseconds kShortestKept{2'000};  // as with libcurl, which counts whole seconds
constexpr Milliseconds kDeliveredBy{1'000};

}  // namespace

NativeTransfer::NativeTransfer(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop,
                               TaskPool *tasks, std::shared_ptr<BlockPool> blocks,
                               KeptConnections &connections, HttpTarget target, HttpCall &&call,
                               CallListener &&listener)
    : ProviderTransfer(multi, owner, loop, std::move(blocks), std::move(call), std::move(listener),
                       Kind::own),
      loop_(loop),
      connections_(connections),
      target_(std::move(target)) {
    if (!call_.sends_body()) {
        call_.body = CallBody();
    }
    if (!call_.body.inserts().empty()) {
        request_body_ =
            std::make_unique<CallBodyReader>(call_.body, tasks, [this] { on_body_ready(); });
    }
    watch();
    take_step([&] {
        if (auto head = request_head(call_, target_)) {
            head_ = std::move(*head);
        } else {
            fail("a header of the request is not one line");
            return;
        }
        const auto keepalive = call_.timeouts.keepalive;
        auto kept = target_.is_secure ? connections_.take(route(), keepalive)
                                      : connections_.take(target_.authority, keepalive);
        kept ? begin(std::move(*kept)) : connect();
    });
}

NativeTransfer::~NativeTransfer() {
    connecting_.reset();
    close_connection();
    leave();
}

// Runs a step of the transfer. What it throws ends the owner, in the next turn.
template <typename Step>
void NativeTransfer::take_step(Step step) noexcept {
    try {
        step();
    } catch (...) {
        keep_exception();
        end();
    }
}

// ---- the connection ----

void NativeTransfer::connect() {
    connecting_ = std::make_unique<Connecting>(
        multi_, owner(), loop_, connections_, Connecting::Way{target_, call_.proxy, call_.ca_file},
        call_.timeouts.connect, [this](Connecting::End end) { on_connected(std::move(end)); });
}

void NativeTransfer::on_connected(Connecting::End end) {
    // After a failure, its alarm may be what runs.
    failed_connecting_ = end.connection ? nullptr : std::move(connecting_);
    connecting_.reset();
    take_step([&] {
        if (end.connection) {
            begin(std::move(*end.connection));
        } else {
            has_no_room_ = !end.has_room;
            fail(end.problem);
        }
    });
}

void NativeTransfer::begin(Connection connection) {
    connection_ = std::move(connection);
    sent_at_ = std::chrono::steady_clock::now();
    sent_before_ = connection_->tls ? connection_->tls->bytes_sent() : 0;
    if (!connections_.watch(*connection_, true, false, *this)) {
        has_no_room_ = true;
        fail("this worker has no room for another connection");
        return;
    }
    send_more();
}

void NativeTransfer::on_ready(int /*socket*/, Readiness readiness) noexcept {
    CurlMulti &multi = multi_;
    take_step([&] {
        if (readiness == Readiness::failed) {
            on_closed("the connection was closed");
        } else {
            // TLS may have to read before it can send, and the other way round.
            const bool has_tls = connection_ && connection_->tls;
            if (readiness == Readiness::writable || has_tls) {
                waits_to_send_ = false;
                send_more();
            }
            if (readiness == Readiness::readable || has_tls) {
                read_more();
                if (has_tls && connection_) {
                    send_more();  // it may have waited for what was just read
                }
            }
            if (readiness == Readiness::writable || has_tls) {
                watch_socket();
            }
        }
    });
    multi.settle();  // this may be destroyed
}

std::string NativeTransfer::route() const {
    return KeptConnections::route(target_, call_.proxy, call_.ca_file);
}

void NativeTransfer::watch_socket() {
    if (connection_) {
        const bool writable = waits_to_send_ || connection_->wants_to_send();
        (void)connections_.watch(*connection_, reads_, writable, *this);
    }
}

void NativeTransfer::close_connection() noexcept {
    if (connection_) {
        connections_.close(*connection_);
        connection_.reset();
    }
}

// ---- the request ----

void NativeTransfer::send_more() {
    if (!connection_ || has_sent_all_ || stops_sending_ || waits_to_send_) {
        return;
    }
    connection_->begin_turn();
    if (request_body_ == nullptr || sent_ < head_.size()) {
        send_text(request_body_ == nullptr ? head_.size() + call_.body.size() : head_.size());
    }
    if (request_body_ != nullptr && sent_ >= head_.size()) {
        send_read_body();
    }
}

// Sends the head, and the body as it lies in memory, up to this size of both.
void NativeTransfer::send_text(size_t size) {
    while (sent_ < size) {
        std::array<iovec, kMaxParts> parts;  // not initialised
        size_t count = 0;
        size_t skip = sent_;
        const auto add = [&](std::string_view text) {
            const size_t skipped = std::min(skip, text.size());
            skip -= skipped;
            text.remove_prefix(skipped);
            if (!text.empty() && count < parts.size()) {
                parts[count++] = {const_cast<char *>(text.data()), text.size()};
            }
        };
        add(head_);
        if (size > head_.size()) {
            for (const Slice &slice : call_.body.text().slices()) {
                add(slice.text);
            }
        }
        const auto sent = send_once({parts.data(), count});
        if (!sent) {
            return;
        }
        sent_ += *sent;
    }
    if (request_body_ == nullptr) {
        on_all_sent();
    }
}

void NativeTransfer::send_read_body() {
    while (true) {
        if (piece_sent_ == piece_.size()) {
            piece_.resize(kSendBuffer);
            const auto [state, count] = request_body_->read(piece_);
            piece_.resize(count);
            piece_sent_ = 0;
            if (state == CallBodyReader::State::waiting) {
                return;
            }
            if (state == CallBodyReader::State::failed) {
                body_failed_ = true;
                fail(request_body_->problem());
                return;
            }
            if (count == 0) {
                on_all_sent();
                return;
            }
        }
        const iovec part = {piece_.data() + piece_sent_, piece_.size() - piece_sent_};
        const auto sent = send_once({&part, 1});
        if (!sent) {
            return;
        }
        piece_sent_ += *sent;
        sent_ += *sent;
    }
}

// Nothing if no more can be sent now. If the connection is broken, what the
// provider has said before may still be read: that it refuses the request, for
// example.
std::optional<size_t> NativeTransfer::send_once(std::span<const iovec> parts) {
    const auto [state, count] = connection_->send(parts);
    if (state == Connection::State::done) {
        if (call_.traffic != nullptr) {
            call_.traffic->sent += count;
        }
        return count;
    }
    if (state == Connection::State::waits) {
        // TLS may have to read first; then the socket is ready to write all the time.
        waits_to_send_ = !connection_->tls || connection_->wants_to_send();
    } else {
        stops_sending_ = true;
    }
    watch_socket();
    return std::nullopt;
}

void NativeTransfer::on_all_sent() {
    has_sent_all_ = true;
    sent_at_ = std::chrono::steady_clock::now();
    std::string().swap(piece_);
}

void NativeTransfer::on_body_ready() {
    take_step([&] {
        send_more();
        watch_socket();
    });
    multi_.wake();
}

// ---- the response ----

void NativeTransfer::read_more() {
    const std::span<char> buffer = connections_.buffer();
    const size_t size = is_passed_on() ? kReadWherePassedOn : buffer.size();
    if (connection_) {
        connection_->begin_turn();
    }
    while (connection_ && reads_) {
        const Connection::Received received = connection_->receive(buffer.first(size));
        switch (received.state) {
            case Connection::State::done: break;
            case Connection::State::waits: return;
            case Connection::State::closed: on_closed(nullptr); return;
            case Connection::State::failed: on_closed(connection_->problem()); return;
        }
        has_response_ = true;
        count_received(received.count);
        take_bytes({buffer.data(), received.count});
        if (received.is_all) {
            return;
        }
    }
}

void NativeTransfer::take_bytes(std::string_view bytes) {
    while (!bytes.empty()) {
        const ResponseParser::Step step = parser_.take(bytes, kPieceOfBody);
        bytes.remove_prefix(step.used);
        note_head();
        if (!step.body.empty() && !take_body_piece(step.body)) {
            rest_ = bytes;
            return;
        }
        if (parser_.state() == ResponseParser::State::complete) {
            complete(!bytes.empty());
            return;
        }
        if (parser_.state() == ResponseParser::State::invalid) {
            parser_.is_head_too_large() ? set_too_large() : void();
            fail(parser_.problem());
            return;
        }
    }
}

// False if it must wait, or ends the transfer.
bool NativeTransfer::take_body_piece(std::string_view piece) {
    count_turn();
    switch (take_piece(piece)) {
        case Taken::all: return true;
        case Taken::refused: fail("the response is too large, or its image is not base64"); break;
        case Taken::later:
            kept_ = piece;
            reads_ = false;
            watch_socket();
            break;
    }
    return false;
}

// A provider that refuses a request need not read the rest of it.
void NativeTransfer::note_head() {
    if (has_noted_head_ || parser_.state() == ResponseParser::State::head ||
        parser_.state() == ResponseParser::State::invalid) {
        return;
    }
    has_noted_head_ = true;
    response_.status = parser_.status();
    response_.headers = parser_.take_head();
    if (!has_sent_all_ && response_.status >= kFirstError) {
        stops_sending_ = true;
        waits_to_send_ = false;
        watch_socket();
    }
}

void NativeTransfer::take_kept() {
    reads_ = true;
    const std::string piece = std::exchange(kept_, {});
    if (!piece.empty() && !take_body_piece(piece)) {
        return;
    }
    const std::string rest = std::exchange(rest_, {});
    if (parser_.state() == ResponseParser::State::complete) {
        complete(!rest.empty());
        return;
    }
    take_bytes(rest);
    // What OpenSSL has taken from the socket already causes no event.
    if (connection_ && connection_->tls) {
        read_more();
        if (connection_) {
            send_more();
        }
    }
    watch_socket();
}

void NativeTransfer::resume() noexcept {
    take_step([&] {
        if (!reads_) {
            take_kept();
        }
    });
    multi_.wake();
}

// ---- the end ----

void NativeTransfer::complete(bool has_more) {
    is_complete_ = true;
    const bool is_kept = call_.timeouts.keepalive >= kShortestKept;
    // Behind a response, TLS may have taken more from the socket.
    if (connection_ && is_kept && !has_more && has_sent_all_ && parser_.keeps_connection() &&
        (!connection_->tls || connection_->is_silent())) {
        connections_.give_back(std::move(*connection_), call_.timeouts.keepalive);
        connection_.reset();
    }
    end();
}

// By the provider: with an error, or else by the end of what it sends.
void NativeTransfer::on_closed(const char *problem) {
    if (problem == nullptr) {
        parser_.end();
        if (parser_.state() == ResponseParser::State::complete) {
            complete(true);
            return;
        }
        problem = parser_.problem();
    }
    const bool is_dead = connection_ && connection_->is_reused && !has_response_;
    if (!is_dead) {
        fail(problem);
        return;
    }
    // A request that may have been billed is never sent again.
    const bool may_repeat = call_.method != HttpMethod::post && !has_repeated_;
    if (may_repeat && (request_body_ == nullptr || request_body_->seek(0))) {
        repeat();
        return;
    }
    is_dead_ = true;
    is_undelivered_ = !has_sent_all_ || was_never_delivered();
    fail("the connection was closed before a response");
}

void NativeTransfer::repeat() {
    has_repeated_ = true;
    close_connection();
    parser_ = ResponseParser();
    sent_ = 0;
    piece_.clear();
    piece_sent_ = 0;
    has_sent_all_ = false;
    stops_sending_ = false;
    waits_to_send_ = false;
    connect();
}

// For a connection that ended without a response: whether the provider
// certainly did not get the body.
bool NativeTransfer::was_never_delivered() const noexcept {
    const auto lost = unacknowledged(connection_->socket);
    // With TLS nothing at all of the request: a record's parts have no length.
    const int64_t request =
        connection_->tls ? static_cast<int64_t>(connection_->tls->bytes_sent() - sent_before_)
                         : static_cast<int64_t>(call_.body.size()) + kShorterThanAHead;
    if (!lost || lost->bytes < request) {
        return false;
    }
    // A peer that closes acknowledges what it has received. A reset may overtake
    // an acknowledgement, which may be delayed by 200 ms. But a reset within a
    // round trip was sent before the request arrived.
    const auto age = std::chrono::steady_clock::now() - sent_at_;
    return !lost->reset || age < lost->round_trip || age >= kDeliveredBy;
}

void NativeTransfer::fail(std::string_view problem) {
    problem_ = problem;
    end();
}

void NativeTransfer::end() noexcept {
    is_over_ = true;
    close_connection();
    multi_.finish(*this);
}

void NativeTransfer::time_out() noexcept {
    is_timed_out_ = true;
    connecting_.reset();
    take_step([&] { fail("the provider took too long"); });
}

std::optional<size_t> NativeTransfer::body_length() const {
    const std::optional<uint64_t> length = parser_.length();
    return length ? std::optional(static_cast<size_t>(*length)) : std::nullopt;
}

TransferEnd NativeTransfer::transfer_end() const {
    if (is_complete_) {
        return TransferEnd::answered;
    }
    if (is_too_large()) {
        return TransferEnd::too_large;
    }
    if (is_dead_) {
        return is_undelivered_ ? TransferEnd::not_sent : TransferEnd::lost;
    }
    if (!is_sent()) {
        return body_failed_   ? TransferEnd::not_read
               : has_no_room_ ? TransferEnd::no_connection
                              : TransferEnd::not_sent;
    }
    return is_timed_out_ ? TransferEnd::timed_out : TransferEnd::lost;
}

}  // namespace gateway

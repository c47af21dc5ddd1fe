#include "upstream/curl_transfer.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>

#include "core/images/inspect.h"
#include "upstream/curl_multi.h"

namespace gateway {

namespace {

constexpr size_t kMostHeaderBytes = 64 * 1024;
constexpr long kSmallReceiveBuffer = 32L * 1024;    // where clients set the pace, and memory counts
constexpr size_t kMostUnheard = size_t{32} * 1024;  // curl reads on for long before it returns

}  // namespace

CurlTransfer::CurlTransfer(CurlMulti &multi, EventLoop &loop, std::shared_ptr<BlockPool> blocks,
                           HttpCall call, CallListener listener)
    : CurlJob(multi),
      loop_(loop),
      call_(std::move(call)),
      listener_(std::move(listener)),
      lifter_(blocks),
      picture_(blocks),
      events_(std::move(blocks),
              [this](ServerEvent event) { waiting_.push_back(std::move(event)); }) {
    try {
        configure();
        if (call_.timeouts.first_byte < call_.timeouts.total) {
            first_byte_timer_ =
                loop_.start_timer(call_.timeouts.first_byte, [this] { on_first_byte_timeout(); });
        }
        multi_.add(*this);
    } catch (...) {
        leave();
        throw;
    }
}

CurlTransfer::~CurlTransfer() {
    leave();
}

// Every option that differs between calls is set on every call: handles are used again without a
// reset.
void CurlTransfer::configure() {
    for (const std::string &header : call_.headers) {
        add_header(header.c_str());
    }
    // Else curl asks for leave to send large bodies, and waits a second for it.
    add_header("Expect:");

    curl_easy_setopt(easy_, CURLOPT_URL, call_.url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers_);
    // A PUT is sent as a POST of another name: curl's own wants to read its body from a stream.
    curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST,
                     call_.method == HttpMethod::put ? "PUT" : nullptr);
    if (call_.method != HttpMethod::get) {
        curl_easy_setopt(easy_, CURLOPT_POST, 1L);
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, call_.body.data());
        curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(call_.body.size()));
    } else {
        curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(call_.timeouts.connect.count()));
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, static_cast<long>(call_.timeouts.total.count()));
    // An empty proxy means none, also when the environment names one.
    curl_easy_setopt(easy_, CURLOPT_PROXY, call_.proxy.c_str());
    const bool is_passed = listener_.on_event || listener_.on_piece;
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, is_passed ? kSmallReceiveBuffer : kReceiveBuffer);
    curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
    curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &CurlTransfer::on_send);
    curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::on_open);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
}

// ---- curl's callbacks: they only record ----

// When a reused connection turns out dead, curl sends a POST again by itself. The first may have
// been billed.
int CurlTransfer::on_send(void *self, char * /*primary*/, char * /*local*/, int /*port*/,
                          int /*local*/) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    ++transfer.sends_;
    return transfer.is_resent() ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

// Where the loop has no room for another socket, only this transfer fails.
curl_socket_t CurlTransfer::on_open(void *self, curlsocktype /*purpose*/,
                                    curl_sockaddr *address) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    const int socket =
        transfer.multi_.sockets().open(address->family, address->socktype, address->protocol);
    transfer.no_connection_ = socket < 0;
    return socket < 0 ? CURL_SOCKET_BAD : socket;
}

size_t CurlTransfer::on_header(char *text, size_t size, size_t count, void *self) noexcept {
    try {
        static_cast<CurlTransfer *>(self)->take_header({text, size * count});
    } catch (...) {
        return 0;
    }
    return size * count;
}

void CurlTransfer::take_header(std::string_view line) {
    if (line.starts_with("HTTP/")) {
        // A new head: the one before was informational.
        const size_t space = line.find(' ');
        const std::string_view digits =
            space == std::string_view::npos ? "" : line.substr(space + 1, 3);
        reply_.status = 0;
        std::from_chars(digits.data(), digits.data() + digits.size(), reply_.status);
        reply_.headers.clear();
        reply_.headers.reserve(1024);
    } else if (reply_.headers.size() + line.size() <= kMostHeaderBytes) {
        reply_.headers += line;
    }
}

size_t CurlTransfer::on_body(char *bytes, size_t size, size_t count, void *self) noexcept {
    auto &transfer = *static_cast<CurlTransfer *>(self);
    const size_t length = size * count;
    if (transfer.must_wait()) {
        transfer.paused_ = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    transfer.received_ += length;
    if (transfer.call_.answer_max != 0 && transfer.received_ > transfer.call_.answer_max) {
        transfer.too_large_ = true;
        return 0;
    }
    try {
        transfer.take_body({bytes, length});
    } catch (...) {
        return 0;
    }
    return length;
}

bool CurlTransfer::must_wait() const {
    return (held_ && (reply_.streamed || reply_.passed > 0)) || unheard_ >= kMostUnheard;
}

void CurlTransfer::take_body(std::string_view bytes) {
    last_byte_ = std::chrono::steady_clock::now();
    if (stall_timer_ == nullptr) {  // these are the first
        watch_for_stall(call_.timeouts.stall);
        is_picture_ = call_.takes_picture && reply_.status == 200 &&
                      !reply_.header("content-type").starts_with("application/json");
        reply_.streamed = listener_.on_event && reply_.status == 200 &&
                          reply_.header("content-type").starts_with("text/event-stream");
    }
    if (reply_.streamed) {
        events_.feed(bytes);
        if (!waiting_.empty()) {
            unheard_ += bytes.size();
            multi_.note(*this);
        }
        return;
    }
    is_picture_ ? picture_.feed(bytes) : lifter_.feed(bytes);
    if (listener_.on_piece && reply_.status == 200) {
        pass_on();
    }
}

void CurlTransfer::pass_on() {
    if (reply_.passed == 0 && !is_picture_begun()) {
        return;
    }
    const std::optional<Bytes> fresh = is_picture_ ? picture_.pass() : lifter_.pass();
    if (!fresh) {
        throw std::runtime_error("what comes is no base64");
    }
    reply_.passed += fresh->size();
    unheard_ += fresh->size();
    pieces_.append(*fresh);
    if (!pieces_.empty()) {
        multi_.note(*this);
    }
}

bool CurlTransfer::is_picture_begun() {
    const Bytes begun = is_picture_ ? picture_.text() : lifter_.open_string();
    if (begun.empty() || begun.size() < next_look_) {
        return false;
    }
    next_look_ = begun.size() * 2;
    return inspect(begun.part(0, begun.size() / 4 * 4)).has_value();
}

// ---- at the pace of whoever takes it ----

void CurlTransfer::hold(bool held) {
    held_ = held;
    go_on();
}

void CurlTransfer::go_on() {
    if (paused_ && !must_wait()) {
        paused_ = false;
        last_byte_ = std::chrono::steady_clock::now();
        multi_.resume(*this);
    }
}

// ---- the end ----

void CurlTransfer::on_first_byte_timeout() {
    if (reply_.status < 200 && added()) {
        multi_.end(*this, CURLE_OPERATION_TIMEDOUT);
    }
}

// One timer for the whole answer, not one for each piece of it.
void CurlTransfer::watch_for_stall(Milliseconds delay) {
    stall_timer_ = loop_.start_timer(delay, [this] { on_stall_check(); });
}

void CurlTransfer::on_stall_check() {
    if (paused_) {  // it is not the provider who is silent
        watch_for_stall(call_.timeouts.stall);
        return;
    }
    const auto silent =
        std::chrono::floor<Milliseconds>(std::chrono::steady_clock::now() - last_byte_);
    if (silent < call_.timeouts.stall) {
        watch_for_stall(call_.timeouts.stall - silent);
    } else if (added()) {
        multi_.end(*this, CURLE_OPERATION_TIMEDOUT);
    }
}

bool CurlTransfer::is_sent() const {
    curl_off_t uploaded = 0;
    curl_easy_getinfo(easy_, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    return sends_ > 0 && static_cast<size_t>(uploaded) >= call_.body.size();
}

Delivery CurlTransfer::delivery() const {
    if (result_ == CURLE_OK) {
        return Delivery::answered;
    }
    if (too_large_) {
        return Delivery::too_large;
    }
    if (is_resent()) {
        return Delivery::lost;
    }
    if (!is_sent()) {
        return no_connection_ ? Delivery::no_connection : Delivery::not_sent;
    }
    return result_ == CURLE_OPERATION_TIMEDOUT ? Delivery::timed_out : Delivery::lost;
}

void CurlTransfer::hear() {
    while (!waiting_.empty()) {
        ServerEvent event = std::move(waiting_.front());
        waiting_.pop_front();
        listener_.on_event(std::move(event));
    }
    if (!pieces_.empty()) {
        listener_.on_piece(std::exchange(pieces_, Bytes()));
    }
    unheard_ = 0;
    go_on();
}

void CurlTransfer::deliver() {
    first_byte_timer_.reset();
    stall_timer_.reset();
    paused_ = false;
    if (reply_.streamed && result_ == CURLE_OK) {
        events_.finish();
    }
    if (is_picture_ && result_ == CURLE_OK) {
        picture_.end();
        reply_.passed > 0 ? pass_on() : void();
    }
    hear();
    reply_.delivery = delivery();
    if (is_resent()) {
        reply_.problem = "the connection was closed before any answer";
    } else if (result_ != CURLE_OK) {
        reply_.problem = problem();
    }
    if (is_picture_) {
        reply_.picture = std::move(picture_).finish();
    }
    reply_.body = std::move(lifter_).finish();
    const auto on_reply = std::move(listener_.on_reply);
    on_reply(std::move(reply_));
}

}  // namespace gateway

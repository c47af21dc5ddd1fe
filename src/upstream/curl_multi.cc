#include "upstream/curl_multi.h"

#include <openssl/err.h>

#include <algorithm>
#include <new>
#include <utility>

#include "upstream/curl_job.h"

namespace gateway {

namespace {

constexpr long kIdleConnections = 256;
constexpr size_t kIdleEasyHandles = 256;
constexpr long kIdleConnectionSeconds = 50;   // below what providers' front ends allow
constexpr long kConnectionLifeSeconds = 900;  // so that changes in DNS are followed

}  // namespace

CurlMulti::CurlMulti(EventLoop &loop, SocketPort &sockets, std::string ca_file)
    : loop_(loop), sockets_(sockets), ca_file_(std::move(ca_file)), multi_(curl_multi_init()) {
    if (multi_ == nullptr) {
        throw std::bad_alloc();
    }
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    finished_.reserve(64);
}

CurlMulti::~CurlMulti() {
    for (CURL *easy : idle_) {
        curl_easy_cleanup(easy);
    }
    // Closes the idle connections through close_socket().
    curl_multi_cleanup(multi_);
    ERR_clear_error();
}

CURL *CurlMulti::take_easy() {
    if (idle_.empty()) {
        return new_easy();
    }
    CURL *easy = idle_.back();
    idle_.pop_back();
    return easy;
}

void CurlMulti::give_back(CURL *easy) noexcept {
    if (idle_.size() >= kIdleEasyHandles || idle_.capacity() < kIdleEasyHandles) {
        curl_easy_cleanup(easy);
        return;
    }
    idle_.push_back(easy);
}

CURL *CurlMulti::new_easy() {
    idle_.reserve(kIdleEasyHandles);  // so that giving back never allocates
    CURL *easy = curl_easy_init();
    if (easy == nullptr) {
        throw std::bad_alloc();
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    // Without this, no_proxy in the environment would say for which hosts no proxy is used.
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "image-gateway");
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    // Debian's default directory of certificates keeps curl from caching the bundle.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    if (!ca_file_.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file_.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleConnectionSeconds);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, kConnectionLifeSeconds);
    // Kept with the connection, which outlives the transfer: so it points to what outlives both.
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &CurlMulti::close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    return easy;
}

// Curl would start a new transfer by a timer of 0 ms. Driving it here saves a turn of the loop.
void CurlMulti::add(CurlJob &job) {
    adding_ = true;
    const CURLMcode added = curl_multi_add_handle(multi_, job.easy());
    job.set_added(added == CURLM_OK);
    if (added == CURLM_OK) {
        int running = 0;
        curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
        ERR_clear_error();
        collect();
    } else {
        job.set_result(CURLE_FAILED_INIT);
        finished_.push_back(&job);
    }
    adding_ = false;
    if (!finished_.empty() || !heard_.empty()) {
        wanted_ = std::chrono::steady_clock::now();  // never from within the call that starts it
    }
    arm();
}

void CurlMulti::note(CurlJob &job) {
    if (std::find(heard_.begin(), heard_.end(), &job) == heard_.end()) {
        heard_.push_back(&job);
    }
}

// Curl hands over at once what it has; whoever notes something then is heard a moment later.
void CurlMulti::resume(CurlJob &job) {
    if (!job.added()) {
        return;
    }
    curl_easy_pause(job.easy(), CURLPAUSE_CONT);
    ERR_clear_error();
    if (!heard_.empty() && !delivering_) {
        wanted_ = std::chrono::steady_clock::now();
        arm();
    }
}

void CurlMulti::remove(CurlJob &job) noexcept {
    if (job.added()) {
        curl_multi_remove_handle(multi_, job.easy());
        job.set_added(false);
        ERR_clear_error();
    }
    std::erase(heard_, &job);
    std::erase(finished_, &job);
}

void CurlMulti::end(CurlJob &job, CURLcode result) {
    if (!job.added()) {
        return;
    }
    curl_multi_remove_handle(multi_, job.easy());
    ERR_clear_error();
    job.set_added(false);
    job.set_result(result);
    finished_.push_back(&job);
    deliver();
}

// ---- what the loop tells us ----

void CurlMulti::on_ready(int socket, Readiness readiness) {
    int mask = CURL_CSELECT_ERR;
    if (readiness == Readiness::readable) {
        mask = CURL_CSELECT_IN;
    } else if (readiness == Readiness::writable) {
        mask = CURL_CSELECT_OUT;
    }
    drive(socket, mask);
}

// Two phases: curl's callbacks only record, and when curl has returned we act on what is done.
void CurlMulti::drive(curl_socket_t socket, int readiness) {
    int running = 0;
    curl_multi_socket_action(multi_, socket, readiness, &running);
    ERR_clear_error();  // nginx takes errors left in OpenSSL's queue for its own
    collect();
    deliver();
}

void CurlMulti::collect() {
    int left = 0;
    while (const CURLMsg *message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        CURL *easy = message->easy_handle;
        const CURLcode result = message->data.result;
        void *owner = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
        auto *job = static_cast<CurlJob *>(owner);
        job->set_result(result);
        curl_multi_remove_handle(multi_, easy);
        job->set_added(false);
        finished_.push_back(job);
    }
    ERR_clear_error();  // of connections that were closed
}

void CurlMulti::deliver() {
    if (delivering_) {
        return;  // what was added meanwhile is taken by the loop below, further up the stack
    }
    delivering_ = true;
    while (!heard_.empty() || !finished_.empty()) {
        if (!heard_.empty()) {
            CurlJob *job = heard_.front();
            heard_.erase(heard_.begin());
            job->hear();
            continue;
        }
        CurlJob *job = finished_.front();
        finished_.erase(finished_.begin());
        job->deliver();  // which may destroy it, start others and cancel others
    }
    delivering_ = false;
}

// ---- what curl tells us ----

int CurlMulti::on_socket(CURL * /*easy*/, curl_socket_t socket, int what, void *self,
                         void * /*data*/) noexcept {
    auto &multi = *static_cast<CurlMulti *>(self);
    if (what == CURL_POLL_REMOVE) {
        multi.sockets_.unwatch(socket);
    } else {
        const bool readable = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
        const bool writable = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
        // Without room to watch it the transfer runs into its time limit. Saying so to curl would
        // end every transfer of this worker.
        (void)multi.sockets_.watch(socket, readable, writable, multi);
    }
    return 0;
}

int CurlMulti::on_timer(CURLM * /*multi*/, long timeout_ms, void *self) noexcept {
    auto &multi = *static_cast<CurlMulti *>(self);
    multi.wanted_.reset();
    if (timeout_ms >= 0) {
        multi.wanted_ = std::chrono::steady_clock::now() + Milliseconds(timeout_ms);
    }
    if (multi.adding_) {
        return 0;
    }
    try {
        multi.arm();
    } catch (...) {
        return -1;
    }
    return 0;
}

// Idle: what runs is held by the request's own deadline.
void CurlMulti::arm() {
    if (!wanted_ || (timer_ != nullptr && armed_for_ <= *wanted_)) {
        return;
    }
    armed_for_ = *wanted_;
    const auto delay =
        std::chrono::ceil<Milliseconds>(armed_for_ - std::chrono::steady_clock::now());
    timer_ = loop_.start_timer(
        delay, [this] { on_alarm(); }, TimerKind::idle);
}

void CurlMulti::on_alarm() {
    timer_.reset();
    deliver();
    if (wanted_ && *wanted_ > std::chrono::steady_clock::now() + Milliseconds(1)) {
        arm();  // the wish was put off since
        return;
    }
    wanted_.reset();
    drive(CURL_SOCKET_TIMEOUT, 0);
    arm();
}

int CurlMulti::close_socket(void *self, curl_socket_t socket) noexcept {
    static_cast<CurlMulti *>(self)->sockets_.close(socket);
    return 0;
}

}  // namespace gateway

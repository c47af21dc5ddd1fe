#include "upstream/curl_multi.h"

#include <openssl/err.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <string_view>
#include <utility>

#include "core/callback_owner.h"
#include "core/version.h"
#include "upstream/curl_job.h"

namespace gateway {

namespace {

constexpr long kIdleConnections = 256;
constexpr size_t kIdleEasyHandles = 256;
constexpr long kIdleConnectionSeconds = 4;    // the default; calls set their own
constexpr long kConnectionLifeSeconds = 900;  // so that changes in DNS are followed

// What all transfers together may do in a turn, and the minimum for one of them: curl's callbacks
// get up to 16 KB.
constexpr size_t kBytesOfTurn = size_t{1024} * 1024;
constexpr size_t kMinBytes = size_t{16} * 1024;
constexpr std::chrono::microseconds kTimeOfTurn{2'000};
constexpr std::chrono::microseconds kMinTime{100};

// Before 8.1.1, curl joins a continued line at the front of a head to the last field of the
// handle's transfer before, which it has freed: https://github.com/curl/curl/issues/11101. A
// provider, or the host of a link, could so damage this process. Those versions get a new handle
// for each transfer.
bool can_reuse_handles() {
    constexpr unsigned kFirstSound = 0x080101;
    return curl_version_info(CURLVERSION_NOW)->version_num >= kFirstSound;
}

// Sets a flag for a block, and resets it however the block is left.
class Flag {
 public:
    explicit Flag(bool &flag) : flag_(flag) { flag_ = true; }
    ~Flag() { flag_ = false; }
    Flag(const Flag &) = delete;
    Flag &operator=(const Flag &) = delete;

 private:
    bool &flag_;
};

bool is_in(const std::vector<CurlJob *> &jobs, const CurlJob &job) {
    return std::find(jobs.begin(), jobs.end(), &job) != jobs.end();
}

CurlJob *take_first(std::vector<CurlJob *> &jobs) {
    CurlJob *first = jobs.front();
    jobs.erase(jobs.begin());
    return first;
}

// FNV-1a. Two addresses with the same number would only share what was learned.
uint64_t number_of(const sockaddr &address, size_t length) {
    uint64_t number = 14695981039346656037U;
    for (const char byte : std::string_view(reinterpret_cast<const char *>(&address), length)) {
        number = (number ^ static_cast<uint8_t>(byte)) * 1099511628211U;
    }
    return number;
}

}  // namespace

CurlMulti::CurlMulti(const Clock &clock, EventLoop &loop, SocketPort &sockets, std::string ca_file)
    : clock_(clock),
      sockets_(sockets),
      ca_file_(std::move(ca_file)),
      alarm_(loop.make_alarm([this] { on_alarm(); }, TimerKind::idle)),
      idle_connections_(clock, loop),
      reuses_handles_(can_reuse_handles()) {
    // Idle: the deadline of the request keeps the process from exiting.
    make_room(64);
    idle_.reserve(kIdleEasyHandles);  // so that give_back() never allocates
    multi_ = curl_multi_init();
    if (multi_ == nullptr) {
        throw std::bad_alloc();
    }
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

CurlMulti::~CurlMulti() {
    alarm_->unset();
    for (CURL *easy : idle_) {
        curl_easy_cleanup(easy);
    }
    // Closes the idle connections through close_socket().
    curl_multi_cleanup(multi_);
    ERR_clear_error();
}

void CurlMulti::make_room(size_t jobs) {
    for (std::vector<CurlJob *> *list : {&heard_, &finished_, &waiting_, &taking_turns_}) {
        if (list->capacity() < jobs) {
            list->reserve(jobs * 2);
        }
    }
}

void CurlMulti::take_place() {
    make_room(jobs_ + 1);
    ++jobs_;
}

CURL *CurlMulti::take_new_easy() {
    make_room(jobs_ + 1);
    CURL *easy = new_easy();
    ++jobs_;
    return easy;
}

CURL *CurlMulti::take_easy() {
    make_room(jobs_ + 1);
    CURL *easy = nullptr;
    if (idle_.empty()) {
        easy = new_easy();
    } else {
        easy = idle_.back();
        idle_.pop_back();
    }
    ++jobs_;
    return easy;
}

void CurlMulti::give_back(CURL *easy, bool is_as_new) noexcept {
    --jobs_;
    if (!is_as_new || !reuses_handles_ || idle_.size() >= kIdleEasyHandles) {
        curl_easy_cleanup(easy);
        return;
    }
    idle_.push_back(easy);
}

CURL *CurlMulti::new_easy() {
    CURL *easy = curl_easy_init();
    if (easy == nullptr) {
        throw std::bad_alloc();
    }
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    // Without this, curl would not use the proxy for hosts in the environment's no_proxy.
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    // With a directory of certificates (Debian's default) curl would not cache the bundle.
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
    if (!ca_file_.empty()) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file_.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, kIdleConnectionSeconds);
    curl_easy_setopt(easy, CURLOPT_MAXLIFETIME_CONN, kConnectionLifeSeconds);
    // Curl keeps these with the connection, which outlives the transfer, but not this object.
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &CurlMulti::close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    return easy;
}

// Curl starts a new transfer by a timer of 0 ms. To drive it here saves a turn of the loop.
void CurlMulti::add(CurlJob &job) noexcept {
    idle_connections_.forget_resets();
    {
        const Flag adding(adding_);
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
    }
    arm();  // deliver() runs in the next turn, not within the call that starts a transfer
}

void CurlMulti::note(CurlJob &job) noexcept {
    if (!is_in(heard_, job)) {
        heard_.push_back(&job);
    }
}

void CurlMulti::wait_for_turn(CurlJob &job) noexcept {
    if (!is_in(waiting_, job)) {
        waiting_.push_back(&job);
    }
}

// Curl calls the callbacks at once with the data it has kept. hear() follows in the next turn.
void CurlMulti::resume(CurlJob &job) noexcept {
    if (!job.added()) {
        return;
    }
    const CURLcode result = curl_easy_pause(job.easy(), CURLPAUSE_CONT);
    ERR_clear_error();
    if (result != CURLE_OK) {
        end(job, result);  // the data it had kept is lost, and curl would go on after the gap
        return;
    }
    arm();
}

void CurlMulti::remove(CurlJob &job) noexcept {
    if (job.added()) {
        curl_multi_remove_handle(multi_, job.easy());
        job.set_added(false);
        ERR_clear_error();
    }
    std::erase(heard_, &job);
    std::erase(finished_, &job);
    std::erase(waiting_, &job);
    std::erase(taking_turns_, &job);
}

void CurlMulti::end(CurlJob &job, CURLcode result) noexcept {
    if (!job.added()) {
        return;
    }
    curl_multi_remove_handle(multi_, job.easy());
    ERR_clear_error();
    job.set_added(false);
    job.set_result(result);
    finished_.push_back(&job);
    arm();
}

void CurlMulti::finish(CurlJob &job) noexcept {
    if (!is_in(finished_, job)) {
        finished_.push_back(&job);
    }
    arm();
}

void CurlMulti::settle() noexcept {
    deliver();
    arm();
}

// ---- turns ----

// nginx reads its clock once per turn of its loop. Turns within the same millisecond count as one.
uint64_t CurlMulti::turn() noexcept {
    if (clock_.now() != turn_time_) {
        turn_time_ = clock_.now();
        ++turn_;
    }
    return turn_;
}

size_t CurlMulti::share_of_bytes() const noexcept {
    return std::max(kMinBytes, kBytesOfTurn / busy_);
}

std::chrono::microseconds CurlMulti::share_of_time() const noexcept {
    return std::max(kMinTime, kTimeOfTurn / static_cast<int64_t>(busy_));
}

// In the order in which they stopped, so that no transfer is always last.
void CurlMulti::give_turns() noexcept {
    busy_ = std::max<size_t>(1, waiting_.size());
    if (waiting_.empty()) {
        return;
    }
    ++turn_;
    taking_turns_.swap(waiting_);
    while (!taking_turns_.empty()) {
        CurlJob *job = take_first(taking_turns_);
        run_for(job->owner(), [job] { job->take_turn(); });
    }
}

// ---- sockets of providers ----

int CurlMulti::open_socket(const curl_sockaddr &address) noexcept {
    const int socket = sockets_.open(address.family, address.socktype, address.protocol);
    if (socket >= 0) {
        try {
            idle_connections_.opened(socket, number_of(address.addr, address.addrlen));
        } catch (...) {
            // Nothing is learned of this connection.
        }
    }
    return socket;
}

void CurlMulti::note_released(CURL *easy, int socket) noexcept {
    idle_connections_.released(socket);
    void *owner = nullptr;
    if (easy != nullptr) {
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &owner);
    }
    if (owner != nullptr) {  // one of curl's own handles has no owner
        static_cast<CurlJob *>(owner)->set_released_socket(socket);
    }
}

// ---- called by the event loop ----

void CurlMulti::on_arrival_unwatched(int socket) noexcept {
    idle_connections_.note_end(socket);
}

void CurlMulti::on_ready(int socket, Readiness readiness) noexcept {
    int mask = CURL_CSELECT_ERR;
    if (readiness == Readiness::readable) {
        mask = CURL_CSELECT_IN;
    } else if (readiness == Readiness::writable) {
        mask = CURL_CSELECT_OUT;
    }
    drive(socket, mask);
    arm();
}

// Two phases: curl's callbacks only record. When curl has returned, we act on what they recorded.
void CurlMulti::drive(curl_socket_t socket, int readiness) noexcept {
    int running = 0;
    curl_multi_socket_action(multi_, socket, readiness, &running);
    ERR_clear_error();  // else nginx would take these errors in OpenSSL's queue for its own
    collect();
    deliver();
}

void CurlMulti::collect() noexcept {
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
        job->before_removal();
        curl_multi_remove_handle(multi_, easy);
        job->set_added(false);
        idle_connections_.put_aside(job->released_socket());
        finished_.push_back(job);
    }
    ERR_clear_error();  // errors of closed connections
}

void CurlMulti::deliver() noexcept {
    if (delivering_) {
        return;  // the loop below, further up the stack, takes what was added meanwhile
    }
    const Flag delivering(delivering_);
    while (!heard_.empty() || !finished_.empty()) {
        if (!heard_.empty()) {
            CurlJob *job = take_first(heard_);
            run_for(job->owner(), [job] { job->hear(); });
            continue;
        }
        CurlJob *job = take_first(finished_);
        // This may destroy the job, and start or cancel others.
        run_for(job->owner(), [job] { job->deliver(); });
    }
}

// ---- called by curl ----

int CurlMulti::on_socket(CURL *easy, curl_socket_t socket, int what, void *self,
                         void * /*data*/) noexcept {
    auto &multi = *static_cast<CurlMulti *>(self);
    if (what == CURL_POLL_REMOVE) {
        multi.sockets_.unwatch(socket, multi);
        multi.note_released(easy, socket);
    } else {
        const bool readable = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
        const bool writable = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
        // If the socket cannot be watched, the transfer times out. To return an error to curl would
        // end all transfers of this worker.
        (void)multi.sockets_.watch(socket, readable, writable, multi);
        multi.idle_connections_.used(socket);
    }
    return 0;
}

int CurlMulti::on_timer(CURLM * /*multi*/, long timeout_ms, void *self) noexcept {
    auto &multi = *static_cast<CurlMulti *>(self);
    multi.wanted_.reset();
    if (timeout_ms >= 0) {
        multi.wanted_ = std::chrono::steady_clock::now() + Milliseconds(timeout_ms);
    }
    multi.arm();
    return 0;
}

// Sets the alarm for the next turn if there is work, or else for the time that curl asked for.
void CurlMulti::arm() noexcept {
    if (adding_ || delivering_) {
        return;  // add() or deliver() calls it at their end
    }
    const bool has_work = !heard_.empty() || !finished_.empty() || !waiting_.empty();
    if (!has_work && !wanted_) {
        return;
    }
    const Time due = has_work ? Time() : *wanted_;
    if (set_for_ && *set_for_ <= due) {
        return;
    }
    set_for_ = due;
    const auto delay = std::chrono::ceil<Milliseconds>(due - std::chrono::steady_clock::now());
    alarm_->set(has_work ? Milliseconds(0) : std::max(delay, Milliseconds(0)));
}

void CurlMulti::on_alarm() noexcept {
    set_for_.reset();
    give_turns();
    deliver();
    if (wanted_ && *wanted_ <= std::chrono::steady_clock::now() + Milliseconds(1)) {
        wanted_.reset();
        drive(CURL_SOCKET_TIMEOUT, 0);
    }
    arm();
}

int CurlMulti::close_socket(void *self, curl_socket_t socket) noexcept {
    auto &multi = *static_cast<CurlMulti *>(self);
    if (const auto lost = unacknowledged(socket)) {
        multi.closed_[multi.closings_++ % multi.closed_.size()] = {
            *lost, std::chrono::steady_clock::now()};
    }
    multi.idle_connections_.closed(socket);
    multi.sockets_.close(socket);
    return 0;
}

const CurlMulti::Closed *CurlMulti::closed(int port) const {
    for (size_t i = 1; port != 0 && i <= std::min(closings_, closed_.size()); ++i) {
        const Closed &closed = closed_[(closings_ - i) % closed_.size()];
        if (closed.lost.port == port) {
            return &closed;
        }
    }
    return nullptr;
}

}  // namespace gateway

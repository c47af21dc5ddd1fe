// A curl multi handle driven by the event loop. All its transfers trust the same certificates: curl
// keeps only one parsed CA bundle for each multi handle, and parsing one takes 20 ms.
#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ports.h"
#include "upstream/socket_port.h"
#include "upstream/unacknowledged.h"

namespace gateway {

class CurlJob;

// How it goes on:
//
//   on_ready, on_alarm ─▶ drive: curl's callbacks record ─▶ collect ─▶ deliver: jobs call their
//   owners
//                                 │                                       │
//                                 └── too much for one turn ──▶ wait_for_turn ──▶ on_alarm, next
//                                 turn
//
// Nothing here allocates but take_easy(), so that no exception can leave a list or a flag half
// changed; and what a job throws while it is heard or delivered ends the job's owner.
class CurlMulti final : public SocketListener {
 public:
    CurlMulti(const Clock &clock, EventLoop &loop, SocketPort &sockets, std::string ca_file);
    ~CurlMulti() override;
    CurlMulti(const CurlMulti &) = delete;
    CurlMulti &operator=(const CurlMulti &) = delete;

    [[nodiscard]] const std::string &ca_file() const { return ca_file_; }
    [[nodiscard]] SocketPort &sockets() const { return sockets_; }

    // An easy handle with every option that is the same for all calls, and room for its job in all
    // lists.
    CURL *take_easy();
    void give_back(CURL *easy, bool is_as_new) noexcept;

    void add(CurlJob &job) noexcept;
    // From within a callback: the job wants to be heard when curl has returned.
    void note(CurlJob &job) noexcept;
    // The job has had its turn: it wants take_turn() to be called in the next one.
    void wait_for_turn(CurlJob &job) noexcept;
    // Lets a transfer go on that a callback has paused.
    void resume(CurlJob &job) noexcept;
    // Takes a transfer out, whatever its state. Never from within a curl callback.
    void remove(CurlJob &job) noexcept;
    // A connection that was closed lately, by the port of its own end; null if there was none.
    struct Closed {
        Unacknowledged lost;
        std::chrono::steady_clock::time_point at;
    };
    [[nodiscard]] const Closed *closed(int port) const;
    // Ends a transfer that is still running; its owner hears of it in the next turn.
    void end(CurlJob &job, CURLcode result) noexcept;
    // The job's end is to be delivered after all.
    void finish(CurlJob &job) noexcept;

    // What every transfer may do until the number changes. All together have a few milliseconds.
    [[nodiscard]] uint64_t turn() noexcept;
    [[nodiscard]] size_t share_of_bytes() const noexcept;
    [[nodiscard]] std::chrono::microseconds share_of_time() const noexcept;

    void on_ready(int socket, Readiness readiness) noexcept override;

 private:
    static int on_socket(CURL *easy, curl_socket_t socket, int what, void *self,
                         void *socket_data) noexcept;
    static int on_timer(CURLM *multi, long timeout_ms, void *self) noexcept;
    static int close_socket(void *self, curl_socket_t socket) noexcept;

    CURL *new_easy();
    void make_room(size_t jobs);
    void arm() noexcept;
    void on_alarm() noexcept;
    void give_turns() noexcept;
    void drive(curl_socket_t socket, int readiness) noexcept;
    void collect() noexcept;
    void deliver() noexcept;

    const Clock &clock_;
    SocketPort &sockets_;
    std::string ca_file_;
    CURLM *multi_;
    // When curl wants to be called, and what the alarm is set for. One that is set for earlier is
    // left as it is: curl puts its wish off several times for each transfer.
    using Time = std::chrono::steady_clock::time_point;
    std::optional<Time> wanted_;
    std::optional<Time> set_for_;
    std::unique_ptr<Alarm> alarm_;
    std::vector<CURL *> idle_;
    std::array<Closed, 64> closed_;  // the last ones
    size_t closings_ = 0;
    size_t jobs_ = 0;
    // Jobs, with room for all there are:
    std::vector<CurlJob *> heard_;  // have something to hand over, and go on
    std::vector<CurlJob *> finished_;
    std::vector<CurlJob *> waiting_;  // for their next turn
    std::vector<CurlJob *> taking_turns_;
    Milliseconds turn_time_{0};
    uint64_t turn_ = 1;
    size_t busy_ = 1;  // how many had more to do in the last turn than they might
    bool adding_ = false;
    bool delivering_ = false;
};

}  // namespace gateway

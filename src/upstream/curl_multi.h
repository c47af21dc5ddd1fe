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
#include "upstream/idle_connections.h"
#include "upstream/socket_port.h"
#include "upstream/unacknowledged.h"

namespace gateway {

class CurlJob;

// The steps of a turn:
//
//   on_ready, on_alarm ─▶ drive (curl's callbacks record) ─▶ collect ─▶ deliver (calls owners)
//                              │                                           │
//                              └─ too much for one turn ─▶ wait_for_turn ◀─┘
//                                                               │
//                                         next turn: on_alarm ◀─┘
//
// Only take_easy() allocates memory, so no exception can leave a list or flag half changed. An
// exception of a job in hear() or deliver() ends the job's owner.
class CurlMulti final : public SocketListener {
 public:
    CurlMulti(const Clock &clock, EventLoop &loop, SocketPort &sockets, std::string ca_file);
    ~CurlMulti() override;
    CurlMulti(const CurlMulti &) = delete;
    CurlMulti &operator=(const CurlMulti &) = delete;

    [[nodiscard]] const std::string &ca_file() const { return ca_file_; }
    [[nodiscard]] SocketPort &sockets() const { return sockets_; }
    // Opens a socket to a provider. -1 if there is no room for it.
    int open_socket(const curl_sockaddr &address) noexcept;

    // An easy handle with the options that all calls share. Makes room for its job in all lists.
    CURL *take_easy();
    CURL *take_new_easy();
    void give_back(CURL *easy, bool is_as_new) noexcept;
    // Only the room in all lists.
    void take_place();
    void give_place_back() noexcept { --jobs_; }

    void add(CurlJob &job) noexcept;
    // For callbacks: hear() is called for the job when curl has returned.
    void note(CurlJob &job) noexcept;
    // take_turn() is called for the job in the next turn.
    void wait_for_turn(CurlJob &job) noexcept;
    // Resumes a transfer that a callback has paused.
    void resume(CurlJob &job) noexcept;
    // Removes a transfer in any state. Not from within a callback of curl.
    void remove(CurlJob &job) noexcept;
    // A recently closed connection, found by its local port; null if there is none.
    struct Closed {
        Unacknowledged lost;
        std::chrono::steady_clock::time_point at;
    };
    [[nodiscard]] const Closed *closed(int port) const;
    // Ends a running transfer. Its owner is told in the next turn.
    void end(CurlJob &job, CURLcode result) noexcept;
    // Delivers the job's end, which was put off.
    void finish(CurlJob &job) noexcept;
    // Delivers what was noted and finished, outside of curl's own turns.
    void settle() noexcept;
    // Does so in the next turn.
    void wake() noexcept { arm(); }

    // A transfer's shares count until turn() changes. Together, transfers get a few milliseconds.
    [[nodiscard]] uint64_t turn() noexcept;
    [[nodiscard]] size_t share_of_bytes() const noexcept;
    [[nodiscard]] std::chrono::microseconds share_of_time() const noexcept;

    void on_ready(int socket, Readiness readiness) noexcept override;
    void on_arrival_unwatched(int socket) noexcept override;

 private:
    static int on_socket(CURL *easy, curl_socket_t socket, int what, void *self,
                         void *socket_data) noexcept;
    static int on_timer(CURLM *multi, long timeout_ms, void *self) noexcept;
    static int close_socket(void *self, curl_socket_t socket) noexcept;

    CURL *new_easy();
    void make_room(size_t jobs);
    void note_released(CURL *easy, int socket) noexcept;
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
    // When curl wants to be called, and when the alarm is due. An alarm that is due earlier is left
    // as it is, because curl changes its wish several times for each transfer.
    using Time = std::chrono::steady_clock::time_point;
    std::optional<Time> wanted_;
    std::optional<Time> set_for_;
    std::unique_ptr<Alarm> alarm_;
    std::vector<CURL *> idle_;
    IdleConnections idle_connections_;
    const bool reuses_handles_;
    std::array<Closed, 64> closed_;  // the latest
    size_t closings_ = 0;
    size_t jobs_ = 0;
    // Jobs. Each list has room for all of them.
    std::vector<CurlJob *> heard_;  // have something to hand over, and continue
    std::vector<CurlJob *> finished_;
    std::vector<CurlJob *> waiting_;  // for their next turn
    std::vector<CurlJob *> taking_turns_;
    Milliseconds turn_time_{0};
    uint64_t turn_ = 1;
    size_t busy_ = 1;  // transfers that could not finish their work in the last turn
    bool adding_ = false;
    bool delivering_ = false;
};

}  // namespace gateway

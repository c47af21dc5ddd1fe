// A curl multi handle driven by the event loop. All its transfers trust the same certificates: curl
// keeps only one parsed CA bundle for each multi handle, and parsing one takes 20 ms.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/ports.h"
#include "upstream/socket_port.h"

namespace gateway {

class CurlJob;

class CurlMulti final : public SocketListener {
 public:
    CurlMulti(EventLoop &loop, SocketPort &sockets, std::string ca_file);
    ~CurlMulti() override;
    CurlMulti(const CurlMulti &) = delete;
    CurlMulti &operator=(const CurlMulti &) = delete;

    [[nodiscard]] const std::string &ca_file() const { return ca_file_; }
    [[nodiscard]] SocketPort &sockets() const { return sockets_; }

    // An easy handle with every option that is the same for all calls.
    CURL *take_easy();
    void give_back(CURL *easy) noexcept;

    void add(CurlJob &job);
    // From within a callback: the job wants to be heard when curl has returned.
    void note(CurlJob &job);
    // Lets a transfer go on that a callback has paused.
    void resume(CurlJob &job);
    // Takes a transfer out, whatever its state. Never from within a curl callback.
    void remove(CurlJob &job) noexcept;
    // Ends a transfer that is still running; its owner hears of it.
    void end(CurlJob &job, CURLcode result);

    void on_ready(int socket, Readiness readiness) override;

 private:
    static int on_socket(CURL *easy, curl_socket_t socket, int what, void *self,
                         void *socket_data) noexcept;
    static int on_timer(CURLM *multi, long timeout_ms, void *self) noexcept;
    static int close_socket(void *self, curl_socket_t socket) noexcept;

    CURL *new_easy();
    void arm();
    void on_alarm();
    void drive(curl_socket_t socket, int readiness);
    void collect();
    void deliver();

    EventLoop &loop_;
    SocketPort &sockets_;
    std::string ca_file_;
    CURLM *multi_;
    // When curl wants to be called, and what the loop was told. A timer that is set for earlier is
    // left as it is: curl puts its wish off several times for each transfer.
    using Time = std::chrono::steady_clock::time_point;
    std::optional<Time> wanted_;
    Time armed_for_;
    std::unique_ptr<Timer> timer_;
    std::vector<CURL *> idle_;
    std::vector<CurlJob *> heard_;  // that have something to hand over, and go on
    std::vector<CurlJob *> finished_;
    bool adding_ = false;
    bool delivering_ = false;
};

}  // namespace gateway

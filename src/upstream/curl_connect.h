// Opens a connection by libcurl, which then hands its socket over: libcurl
// resolves the name and tries the addresses.
#pragma once

#include <functional>
#include <string>

#include "core/ports.h"
#include "upstream/curl_job.h"

namespace gateway {

class CurlConnect final : private CurlJob {
 public:
    struct End {
        int socket = -1;           // whoever is called owns it; -1: there is none
        bool has_room = true;      // whether this worker had room for a socket
        const char *problem = "";  // valid until the call ends
    };
    // With a proxy, which is reached without TLS, the connection leads through it.
    // `on_end` is called once, and may destroy this.
    CurlConnect(CurlMulti &multi, CallbackOwner &owner, const std::string &host_and_port,
                const std::string &proxy, Milliseconds timeout, std::function<void(End)> on_end);
    ~CurlConnect() override;
    CurlConnect(const CurlConnect &) = delete;
    CurlConnect &operator=(const CurlConnect &) = delete;

 private:
    static curl_socket_t on_open(void *self, curlsocktype purpose, curl_sockaddr *address) noexcept;

    void before_removal() noexcept override;
    void deliver() override;
    void take_turn() override {}

    std::function<void(End)> on_end_;
    int socket_ = -1;
    bool has_room_ = true;
};

}  // namespace gateway

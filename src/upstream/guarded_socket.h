// The sockets of a transfer to a URL that a stranger has chosen. The address is checked when a
// socket is opened, so no name, redirect or change of DNS leads anywhere else. Heads of responses
// are bounded, all of a transfer together.
#pragma once

#include <curl/curl.h>

#include <memory>

#include "core/net/fetch_rules.h"
#include "upstream/socket_port.h"

namespace gateway {

class GuardedSocket {
 public:
    GuardedSocket(SocketPort &sockets, std::shared_ptr<const FetchRules> rules)
        : sockets_(sockets), rules_(std::move(rules)) {}
    GuardedSocket(const GuardedSocket &) = delete;
    GuardedSocket &operator=(const GuardedSocket &) = delete;

    // Sets the options. The object must live as long as the transfer.
    void guard(CURL *easy);
    // Whether an address was refused.
    [[nodiscard]] bool has_refused() const { return refused_; }

 private:
    static curl_socket_t on_open(void *self, curlsocktype purpose, curl_sockaddr *address) noexcept;
    static size_t on_header(char *bytes, size_t size, size_t count, void *self) noexcept;
    [[nodiscard]] bool may_connect(const curl_sockaddr &address) const;

    SocketPort &sockets_;
    std::shared_ptr<const FetchRules> rules_;
    CURL *easy_ = nullptr;
    bool refused_ = false;
    size_t heads_ = 0;  // bytes
};

}  // namespace gateway

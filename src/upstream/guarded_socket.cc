#include "upstream/guarded_socket.h"

#include <string_view>

namespace gateway {

void GuardedSocket::guard(CURL *easy) {
    easy_ = easy;
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    // An address is checked when its socket is opened, so every transfer opens a socket.
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &GuardedSocket::on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &GuardedSocket::on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
}

bool GuardedSocket::may_connect(const curl_sockaddr &address) const {
    const auto read = read_address(&address.addr, address.addrlen);
    const char *url = nullptr;  // after redirects
    curl_easy_getinfo(easy_, CURLINFO_EFFECTIVE_URL, &url);
    const bool https = url != nullptr && std::string_view(url).starts_with("https://");
    return read && rules_->allow(*read, https);
}

curl_socket_t GuardedSocket::on_open(void *self, curlsocktype /*purpose*/,
                                     curl_sockaddr *address) noexcept {
    auto &guarded = *static_cast<GuardedSocket *>(self);
    if (!guarded.may_connect(*address)) {
        guarded.refused_ = true;
        return CURL_SOCKET_BAD;
    }
    const int socket = guarded.sockets_.open(address->family, address->socktype, address->protocol);
    return socket < 0 ? CURL_SOCKET_BAD : socket;
}

// libcurl keeps all headers, and not all of its versions bound them.
size_t GuardedSocket::on_header(char * /*bytes*/, size_t size, size_t count, void *self) noexcept {
    constexpr size_t kMostHeads = size_t{64} * 1024;
    auto &guarded = *static_cast<GuardedSocket *>(self);
    guarded.heads_ += size * count;
    return guarded.heads_ <= kMostHeads ? size * count : 0;
}

}  // namespace gateway

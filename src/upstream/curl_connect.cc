#include "upstream/curl_connect.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "upstream/curl_multi.h"

namespace gateway {

namespace {

constexpr long kSmallestBuffer = 1024;  // only a proxy answers

}  // namespace

CurlConnect::CurlConnect(CurlMulti &multi, CallbackOwner &owner, const std::string &host_and_port,
                         const std::string &proxy, Milliseconds timeout,
                         std::function<void(End)> on_end)
    : CurlJob(multi, owner, Kind::fresh), on_end_(std::move(on_end)) {
    // Without TLS, whatever comes over the connection.
    curl_easy_setopt(easy_, CURLOPT_URL, ("http://" + host_and_port + "/").c_str());
    curl_easy_setopt(easy_, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, 1L);
    // An empty proxy means none, also if the environment names one.
    curl_easy_setopt(easy_, CURLOPT_PROXY, proxy.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kSmallestBuffer);
    curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(timeout.count()));
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, &CurlConnect::on_open);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, this);
    multi_.add(*this);
}

CurlConnect::~CurlConnect() {
    leave();
    if (socket_ >= 0) {
        (void)close(socket_);
    }
}

curl_socket_t CurlConnect::on_open(void *self, curlsocktype /*purpose*/,
                                   curl_sockaddr *address) noexcept {
    auto &connect = *static_cast<CurlConnect *>(self);
    const int socket = connect.multi_.open_socket(*address);
    connect.has_room_ = socket >= 0;
    return socket < 0 ? CURL_SOCKET_BAD : socket;
}

// Curl closes its socket now, or some time later. Ours is another number of the
// same connection.
void CurlConnect::before_removal() noexcept {
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (result_ == CURLE_OK &&
        curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK &&
        socket != CURL_SOCKET_BAD) {
        socket_ = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    }
}

void CurlConnect::deliver() {
    rethrow();
    leave();  // frees the handle, which whoever is called may not do
    const auto on_end = std::move(on_end_);
    on_end({std::exchange(socket_, -1), has_room_, problem()});
}

}  // namespace gateway

#include "upstream/unacknowledged.h"

#include <linux/tcp.h>  // the C library has an older tcp_info
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

namespace gateway {

namespace {

constexpr uint8_t kClosed = 7;  // TCP_CLOSE, the state after a reset

int local_port(int socket) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (getsockname(socket, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET) {
        return ntohs(reinterpret_cast<const sockaddr_in &>(address).sin_port);
    }
    return address.ss_family == AF_INET6
               ? ntohs(reinterpret_cast<const sockaddr_in6 &>(address).sin6_port)
               : 0;
}

// Linux reports a reset after the peer's close by another error than other resets.
bool was_closed_first(int socket) noexcept {
    int error = 0;
    socklen_t size = sizeof(error);
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == EPIPE;
}

}  // namespace

std::optional<Unacknowledged> unacknowledged(int socket) noexcept {
    tcp_info info{};
    socklen_t size = sizeof(info);
    constexpr size_t kNeeded = offsetof(tcp_info, tcpi_bytes_retrans) + sizeof(uint64_t);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 || size < kNeeded) {
        return std::nullopt;
    }
    // The SYN is counted as acknowledged, but not as sent. These counts remain after a reset, while
    // the list of packets is gone.
    const auto acknowledged = std::max<int64_t>(0, static_cast<int64_t>(info.tcpi_bytes_acked) - 1);
    const int64_t sent =
        static_cast<int64_t>(info.tcpi_bytes_sent) - static_cast<int64_t>(info.tcpi_bytes_retrans);
    return Unacknowledged{sent - acknowledged + info.tcpi_notsent_bytes,
                          info.tcpi_state == kClosed && !was_closed_first(socket),
                          std::chrono::microseconds(info.tcpi_min_rtt), local_port(socket)};
}

}  // namespace gateway

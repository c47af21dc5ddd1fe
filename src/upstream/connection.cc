#include "upstream/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace gateway {

namespace {

constexpr size_t kRecord = size_t{16} * 1024;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Connection::Received Connection::receive(std::span<char> into) noexcept {
    if (tls) {
        const TlsSession::Io read = tls->read(into);
        return {read.state, read.count};
    }
    const ssize_t count = recv(socket, into.data(), into.size(), 0);
    if (count < 0) {
        return {would_block() ? State::waits : State::failed};
    }
    const auto received = static_cast<size_t>(count);
    return {received == 0 ? State::closed : State::done, received, received < into.size()};
}

TlsSession::Io Connection::send(std::span<const iovec> parts) noexcept {
    if (!tls) {
        msghdr message{};
        message.msg_iov = const_cast<iovec *>(parts.data());
        message.msg_iovlen = parts.size();
        const ssize_t count = sendmsg(socket, &message, MSG_NOSIGNAL);
        if (count < 0) {
            return {would_block() ? State::waits : State::failed};
        }
        return {State::done, static_cast<size_t>(count)};
    }
    std::array<char, kRecord> record;  // not initialised
    size_t size = 0;
    for (const iovec &part : parts) {
        const size_t count = std::min(part.iov_len, record.size() - size);
        std::memcpy(record.data() + size, part.iov_base, count);
        size += count;
    }
    return tls->write({record.data(), size});
}

bool Connection::is_silent() const noexcept {
    if (tls) {
        return tls->is_silent();
    }
    char byte = 0;
    return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace gateway

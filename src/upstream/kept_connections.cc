#include "upstream/kept_connections.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

constexpr size_t kMaxIdle = 256;
constexpr std::chrono::seconds kLongestLife{900};  // so that changes in DNS are followed
constexpr Milliseconds kLookAgain{1'000};

// FNV-1a. Two addresses with the same number would only share what was learned.
uint64_t peer_of(int socket) noexcept {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    uint64_t number = 14695981039346656037U;
    if (getpeername(socket, reinterpret_cast<sockaddr *>(&address), &size) == 0) {
        const std::string_view bytes(reinterpret_cast<const char *>(&address), size);
        for (const char byte : bytes) {
            number = (number ^ static_cast<uint8_t>(byte)) * 1099511628211U;
        }
    }
    return number;
}

}  // namespace

KeptConnections::KeptConnections(const Clock &clock, EventLoop &loop, SocketPort &sockets)
    : sockets_(sockets),
      alarm_(loop.make_alarm([this] { on_alarm(); }, TimerKind::idle)),
      lifetimes_(clock, loop) {
    idle_.reserve(kMaxIdle);  // so that give_back() never allocates
}

KeptConnections::~KeptConnections() {
    alarm_->unset();
    while (!idle_.empty()) {
        drop(idle_.size() - 1);
    }
}

std::string KeptConnections::route(const HttpTarget &target, std::string_view proxy,
                                   std::string_view ca_file) {
    if (!target.is_secure) {
        return target.authority;
    }
    std::string route = "https://";
    return route.append(target.authority).append("\n").append(proxy).append("\n").append(ca_file);
}

Connection KeptConnections::adopt(int socket, std::string route) {
    sockets_.forget_earlier(socket);
    try {
        if (buffer_ == nullptr) {
            buffer_ = std::make_unique_for_overwrite<char[]>(kBuffer);
        }
        lifetimes_.opened(socket, peer_of(socket));
    } catch (...) {
        sockets_.close(socket);
        throw;
    }
    return {socket, nullptr, std::move(route), std::chrono::steady_clock::now(), false};
}

// The one that was used last: the others may then become old, and are closed.
std::optional<Connection> KeptConnections::take(std::string_view route, Milliseconds max_idle) {
    const Time now = std::chrono::steady_clock::now();
    for (size_t place = idle_.size(); place-- > 0;) {
        Idle &idle = idle_[place];
        if (idle.connection.route != route) {
            continue;
        }
        if (now - idle.since >= max_idle || now - idle.connection.opened >= kLongestLife ||
            !idle.connection.is_silent()) {
            drop(place);
            continue;
        }
        Connection connection = std::move(idle_[place].connection);
        idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(place));
        lifetimes_.used(connection.socket);
        connection.is_reused = true;
        return connection;
    }
    return std::nullopt;
}

void KeptConnections::give_back(Connection connection, Milliseconds max_idle) noexcept {
    if (idle_.size() >= kMaxIdle || max_idle <= Milliseconds(0) ||
        !sockets_.watch(connection.socket, true, false, *this)) {
        close(connection);
        return;
    }
    lifetimes_.released(connection.socket);
    lifetimes_.put_aside(connection.socket);
    idle_.push_back({std::move(connection), std::chrono::steady_clock::now(), max_idle});
    if (idle_.size() == 1) {
        alarm_->set(kLookAgain);
    }
}

void KeptConnections::close(Connection &connection) noexcept {
    if (connection.tls) {
        connection.tls->say_goodbye();
    }
    lifetimes_.closed(connection.socket);
    sockets_.close(connection.socket);
}

void KeptConnections::drop(size_t place) noexcept {
    close(idle_[place].connection);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(place));
}

void KeptConnections::on_ready(int socket, Readiness readiness) noexcept {
    const auto found = std::find_if(idle_.begin(), idle_.end(), [socket](const Idle &idle) {
        return idle.connection.socket == socket;
    });
    // What concerns only TLS, such as a ticket, is no end.
    if (found != idle_.end() &&
        (readiness != Readiness::readable || !found->connection.is_silent())) {
        lifetimes_.note_end(socket);
        drop(static_cast<size_t>(found - idle_.begin()));
    }
}

void KeptConnections::on_alarm() noexcept {
    const Time now = std::chrono::steady_clock::now();
    for (size_t place = idle_.size(); place-- > 0;) {
        if (now - idle_[place].since >= idle_[place].max_idle) {
            drop(place);
        }
    }
    if (!idle_.empty()) {
        alarm_->set(kLookAgain);
    }
}

}  // namespace gateway

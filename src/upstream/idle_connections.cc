#include "upstream/idle_connections.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

constexpr int kTimesUntilLearned = 3;
// Afterwards connections may stay idle again, in case the provider now keeps them for longer.
constexpr Milliseconds kRemembered{60'000};
// Longer lifetimes do not matter: connections are kept for less, see `keepalive` of image_provider.
constexpr Milliseconds kLongest{60'000};
// Shorter ones set no limit: a busy event loop is not precise enough to be earlier.
constexpr Milliseconds kShortest{20};

// A provider that restarts closes all connections at once, however long they were idle. A provider
// with a timeout closes each of them after nearly the same time.
bool is_similar(Milliseconds one, Milliseconds other) {
    const Milliseconds shorter = std::min(one, other);
    return std::max(one, other) - shorter <= shorter / 4 + Milliseconds(2);
}

}  // namespace

IdleConnections::IdleConnections(const Clock &clock, EventLoop &loop)
    : clock_(clock), alarm_(loop.make_alarm([this] { on_alarm(); }, TimerKind::idle)) {}

IdleConnections::Connection *IdleConnections::find(int socket) noexcept {
    const auto index = static_cast<size_t>(socket);
    const bool is_known = socket >= 0 && index < by_socket_.size() && by_socket_[index].is_open;
    return is_known ? &by_socket_[index] : nullptr;
}

void IdleConnections::opened(int socket, uint64_t peer) {
    closed(socket);
    const auto index = static_cast<size_t>(socket);
    if (index >= by_socket_.size()) {
        by_socket_.resize(index + 64);
    }
    if (ended_.capacity() <= open_) {
        due_.reserve(2 * open_ + 16);
        ended_.reserve(2 * open_ + 16);
    }
    ++open_;
    by_socket_[index] = {.peer = peer, .is_open = true, .is_used = true};
}

void IdleConnections::closed(int socket) noexcept {
    if (Connection *connection = find(socket)) {
        drop_from_lists(socket);
        *connection = {};
        --open_;
    }
}

void IdleConnections::used(int socket) noexcept {
    if (Connection *connection = find(socket)) {
        connection->is_used = true;
        if (std::exchange(connection->is_idle, false)) {
            drop_from_lists(socket);
        }
    }
}

void IdleConnections::released(int socket) noexcept {
    if (Connection *connection = find(socket)) {
        connection->is_used = false;
    }
}

void IdleConnections::put_aside(int socket) noexcept {
    Connection *connection = find(socket);
    if (connection == nullptr || connection->is_used) {
        return;
    }
    connection->is_idle = true;
    connection->since = clock_.now();
    if (!has_learned_) {
        return;
    }
    drop_from_lists(socket);
    if (const auto longest = limit(connection->peer)) {
        due_.push_back({socket, connection->since + *longest});
        arm();
    }
}

void IdleConnections::note_end(int socket) noexcept {
    Connection *connection = find(socket);
    if (connection == nullptr || !std::exchange(connection->is_idle, false)) {
        return;
    }
    drop_from_lists(socket);
    const Milliseconds now = clock_.now();
    const Milliseconds time = now - connection->since;
    if (time > kLongest) {
        return;
    }
    Lifetime &known = lifetime_of(connection->peer);
    const bool is_of_same_moment = known.times > 0 && now - known.seen < time / 2;
    known.seen = now;
    if (known.times == 0 || !is_similar(time, known.time)) {
        known.time = time;
        known.times = 1;
    } else if (!is_of_same_moment) {
        known.time = std::min(known.time, time);
        ++known.times;
    }
    has_learned_ = has_learned_ || known.times >= kTimesUntilLearned;
}

std::optional<Milliseconds> IdleConnections::limit(uint64_t peer) const noexcept {
    for (const Lifetime &known : lifetimes_) {
        if (known.peer == peer && known.times >= kTimesUntilLearned && known.time >= kShortest &&
            clock_.now() - known.seen < kRemembered) {
            return known.time * 3 / 4;
        }
    }
    return std::nullopt;
}

// The address's own place, or that of the address whose connections were closed least recently.
IdleConnections::Lifetime &IdleConnections::lifetime_of(uint64_t peer) noexcept {
    Lifetime *oldest = &lifetimes_.front();
    for (Lifetime &known : lifetimes_) {
        if (known.times > 0 && known.peer == peer) {
            return known;
        }
        if (known.times == 0 || (oldest->times > 0 && known.seen < oldest->seen)) {
            oldest = &known;
        }
    }
    *oldest = {};
    oldest->peer = peer;
    return *oldest;
}

void IdleConnections::drop_from_lists(int socket) noexcept {
    std::erase_if(due_, [socket](const Due &due) { return due.socket == socket; });
    std::erase(ended_, socket);
}

void IdleConnections::forget_resets() noexcept {
    for (const int socket : ended_) {
        int error = 0;
        socklen_t size = sizeof(error);
        (void)getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
    }
}

void IdleConnections::on_alarm() noexcept {
    const Milliseconds now = clock_.now();
    for (size_t i = 0; i < due_.size();) {
        const Due due = due_[i];
        if (due.at > now) {
            ++i;
            continue;
        }
        due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(i));
        by_socket_[static_cast<size_t>(due.socket)].is_idle = false;
        ended_.push_back(due.socket);
        // Curl keeps the socket until it looks at it again, and then closes it.
        (void)shutdown(due.socket, SHUT_RDWR);
    }
    arm();
}

void IdleConnections::arm() noexcept {
    if (due_.empty()) {
        alarm_->unset();
        return;
    }
    const auto first = std::min_element(due_.begin(), due_.end(),
                                        [](const Due &a, const Due &b) { return a.at < b.at; });
    alarm_->set(std::max(first->at - clock_.now(), Milliseconds(0)));
}

}  // namespace gateway

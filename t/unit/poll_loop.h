// A small event loop over poll(2), and a server on loopback: what the curl driver needs from its
// environment.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "upstream/socket_port.h"

namespace gateway {

class PollLoop final : public EventLoop, public SocketPort, public Clock {
 public:
    // ---- Clock: read once for each turn, as nginx does
    [[nodiscard]] Milliseconds now() const override { return now_; }
    [[nodiscard]] int64_t unix_seconds() const override { return 0; }

    // ---- EventLoop
    std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action,
                                       TimerKind /*kind*/) override {
        auto alarm = std::make_unique<PollAlarm>(*this, std::move(action));
        alarm->set(delay);
        return alarm;
    }
    std::unique_ptr<Alarm> make_alarm(std::function<void()> action, TimerKind /*kind*/) override {
        return std::make_unique<PollAlarm>(*this, std::move(action));
    }
    [[nodiscard]] std::optional<Milliseconds> time_to_live() const override { return {}; }

    // ---- SocketPort
    int open(int family, int type, int protocol) noexcept override {
        return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
    }
    void close(int socket) noexcept override {
        watched_.erase(socket);
        (void)::close(socket);
    }
    bool watch(int socket, bool readable, bool writable,
               SocketListener &listener) noexcept override {
        const int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
        watched_[socket] = {static_cast<short>(events), &listener};
        return true;
    }
    void unwatch(int socket, const SocketListener & /*listener*/) noexcept override {
        watched_.erase(socket);
    }
    void forget_earlier(int socket) noexcept override { watched_.erase(socket); }

    // ---- the test
    void turn() {
        now_ = std::chrono::duration_cast<Milliseconds>(Time::clock::now().time_since_epoch());
        std::vector<pollfd> polled;
        for (const auto &[socket, watch] : watched_) {
            polled.push_back({socket, watch.events, 0});
        }
        constexpr int kPatience = 2;
        (void)::poll(polled.data(), polled.size(), has_due() ? 0 : kPatience);
        for (const pollfd &one : polled) {
            tell(one, POLLIN | POLLHUP | POLLERR, POLLIN, Readiness::readable);
            tell(one, POLLOUT, POLLOUT, Readiness::writable);
        }
        const std::set<PollAlarm *> due = take_due();
        for (PollAlarm *alarm : due) {
            if (alarms_.contains(alarm) && alarm->due) {
                alarm->due.reset();
                alarm->action();
            }
        }
    }
    // False if the time is up.
    bool run_until(const std::function<bool()> &condition,
                   std::chrono::seconds patience = std::chrono::seconds(10)) {
        const auto end = Time::clock::now() + patience;
        while (!condition()) {
            if (Time::clock::now() > end) {
                return false;
            }
            turn();
        }
        return true;
    }

 private:
    using Time = std::chrono::steady_clock::time_point;

    struct PollAlarm final : Alarm, Timer {
        PollAlarm(PollLoop &loop, std::function<void()> action)
            : loop(loop), action(std::move(action)) {
            loop.alarms_.insert(this);
        }
        ~PollAlarm() override { loop.alarms_.erase(this); }
        void set(Milliseconds delay) noexcept override { due = Time::clock::now() + delay; }
        void unset() noexcept override { due.reset(); }
        PollLoop &loop;
        std::function<void()> action;
        std::optional<Time> due;
    };

    [[nodiscard]] bool has_due() const { return !take_due().empty(); }
    [[nodiscard]] std::set<PollAlarm *> take_due() const {
        std::set<PollAlarm *> due;
        for (PollAlarm *alarm : alarms_) {
            if (alarm->due && *alarm->due <= Time::clock::now()) {
                due.insert(alarm);
            }
        }
        return due;
    }
    void tell(const pollfd &one, int any_of, int wanted, Readiness readiness) {
        const auto watched = watched_.find(one.fd);
        if (watched != watched_.end() && (one.revents & any_of) != 0 &&
            (watched->second.events & wanted) != 0) {
            watched->second.listener->on_ready(one.fd, readiness);
        }
    }

    struct Watch {
        short events = 0;
        SocketListener *listener = nullptr;
    };
    std::map<int, Watch> watched_;
    std::set<PollAlarm *> alarms_;
    Milliseconds now_{0};
};

// Does the same with every connection, each on a thread of its own: reads a request's head, and
// lets `answer` write. With a context it speaks TLS, and ends it by a close_notify.
class LoopbackServer {
 public:
    class Peer {
     public:
        Peer(int socket, SSL *tls) : socket_(socket), tls_(tls) {}
        [[nodiscard]] int socket() const { return socket_; }
        // Null if it does not speak TLS.
        [[nodiscard]] SSL *tls() const { return tls_; }
        // False when the client is gone.
        bool send(std::string_view text) const {
            while (!text.empty()) {
                const ssize_t count =
                    tls_ != nullptr ? SSL_write(tls_, text.data(), static_cast<int>(text.size()))
                                    : ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
                if (count <= 0) {
                    return false;
                }
                text.remove_prefix(static_cast<size_t>(count));
            }
            return true;
        }
        // The next bytes of the client; empty when it has closed.
        [[nodiscard]] std::string receive() const {
            std::string bytes(size_t{64} * 1024, '\0');
            const ssize_t count = tls_ != nullptr
                                      ? SSL_read(tls_, bytes.data(), static_cast<int>(bytes.size()))
                                      : ::recv(socket_, bytes.data(), bytes.size(), 0);
            bytes.resize(count <= 0 ? 0 : static_cast<size_t>(count));
            return bytes;
        }

     private:
        int socket_;
        SSL *tls_;
    };

    explicit LoopbackServer(std::function<void(const Peer &, const std::string &head)> answer,
                            SSL_CTX *tls = nullptr)
        : answer_(std::move(answer)),
          tls_(tls),
          listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (tls != nullptr) {
            (void)::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes without MSG_NOSIGNAL
        }
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr *>(&address), sizeof(address)), 0);
        EXPECT_EQ(::listen(listener_, 64), 0);
        socklen_t size = sizeof(address);
        (void)::getsockname(listener_, reinterpret_cast<sockaddr *>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { accept_all(); });
    }
    ~LoopbackServer() {
        (void)::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (const int socket : sockets_) {
            (void)::shutdown(socket, SHUT_RDWR);
        }
        for (std::thread &one : peers_) {
            one.join();
        }
        for (const int socket : sockets_) {
            (void)::close(socket);
        }
        (void)::close(listener_);
    }
    LoopbackServer(const LoopbackServer &) = delete;
    LoopbackServer &operator=(const LoopbackServer &) = delete;

    [[nodiscard]] std::string url() const {
        return (tls_ != nullptr ? "https://127.0.0.1:" : "http://127.0.0.1:") +
               std::to_string(port_);
    }

 private:
    void accept_all() {
        for (;;) {
            const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (socket < 0) {
                return;
            }
            sockets_.push_back(socket);
            peers_.emplace_back([this, socket] { serve(socket); });
        }
    }
    void serve(int socket) const {
        const std::unique_ptr<SSL, void (*)(SSL *)> tls(tls_ == nullptr ? nullptr : SSL_new(tls_),
                                                        &SSL_free);
        if (tls != nullptr && (SSL_set_fd(tls.get(), socket) != 1 || SSL_accept(tls.get()) != 1)) {
            (void)::shutdown(socket, SHUT_RDWR);
            return;
        }
        const Peer peer(socket, tls.get());
        std::string head;
        while (head.find("\r\n\r\n") == std::string::npos) {
            const std::string piece = peer.receive();
            if (piece.empty()) {
                return;  // a connection for a request that was not sent after all
            }
            head += piece;
        }
        answer_(peer, head);
        if (tls != nullptr) {
            (void)SSL_shutdown(tls.get());
        }
        (void)::shutdown(socket, SHUT_RDWR);
    }

    std::function<void(const Peer &, const std::string &)> answer_;
    SSL_CTX *tls_;
    int listener_;
    int port_ = 0;
    std::thread thread_;
    std::vector<std::thread> peers_;
    std::vector<int> sockets_;  // numbers are not used again before the end
};

// Records an exception as the end of its owner.
class CountingOwner final : public CallbackOwner {
 public:
    void end_by_exception(const char * /*what*/) noexcept override {
        ++ended;
        call.reset();
    }
    int ended = 0;
    std::unique_ptr<UpstreamCall> call;
};

}  // namespace gateway

#include "upstream/connecting.h"

#include <algorithm>
#include <utility>

#include "upstream/curl_multi.h"

namespace gateway {

Connecting::Connecting(CurlMulti &multi, CallbackOwner &owner, EventLoop &loop,
                       KeptConnections &connections, const Way &way, Milliseconds timeout,
                       std::function<void(End)> on_end)
    : multi_(multi),
      owner_(owner),
      loop_(loop),
      connections_(connections),
      on_end_(std::move(on_end)),
      ends_at_(std::chrono::steady_clock::now() + timeout),
      route_(connections.route(way.target, way.proxy, way.ca_file)) {
    if (way.target.is_secure) {
        host_ = way.target.host();
        ca_file_ = way.ca_file;
    }
    connect_ =
        std::make_unique<CurlConnect>(multi, owner, way.target.host_and_port(), way.proxy, timeout,
                                      [this](const CurlConnect::End &end) { on_connected(end); });
}

Connecting::~Connecting() {
    if (connection_) {
        connections_.close(*connection_);
    }
}

void Connecting::on_connected(const CurlConnect::End &end) {
    if (end.socket < 0) {
        fail(end.problem, end.has_room);
        return;
    }
    connection_ = connections_.adopt(end.socket, route_);
    host_.empty() ? finish() : begin_tls();
}

void Connecting::begin_tls() {
    SSL_CTX *context = connections_.tls().trusting(ca_file_);
    if (context == nullptr) {
        fail("the file of trusted certificates cannot be read");
        return;
    }
    connection_->tls = std::make_unique<TlsSession>(*context, connection_->socket, host_);
    const auto left = ends_at_ - std::chrono::steady_clock::now();
    alarm_ = loop_.make_alarm(
        [this] { run_for(owner_, [this] { fail("setting up TLS took too long"); }); },
        TimerKind::idle);
    alarm_->set(std::max(Milliseconds(1), std::chrono::ceil<Milliseconds>(left)));
    shake_hands();
}

void Connecting::on_ready(int /*socket*/, Readiness readiness) noexcept {
    CurlMulti &multi = multi_;
    run_for(owner_, [&] {
        readiness == Readiness::failed ? fail("the connection was closed") : shake_hands();
    });
    multi.settle();  // this may be destroyed
}

void Connecting::shake_hands() {
    TlsSession &tls = *connection_->tls;
    tls.begin_turn();
    switch (tls.shake_hands()) {
        case TlsSession::State::done: finish(); return;
        case TlsSession::State::waits: break;
        default: fail(tls.problem()); return;
    }
    if (!connections_.watch(*connection_, true, tls.wants_to_send(), *this)) {
        fail("this worker has no room for another connection", false);
    }
}

void Connecting::finish() {
    alarm_ == nullptr ? void() : alarm_->unset();
    End end;
    end.connection = std::exchange(connection_, std::nullopt);
    const auto on_end = std::exchange(on_end_, nullptr);
    on_end(std::move(end));
}

void Connecting::fail(const char *problem, bool has_room) {
    alarm_ == nullptr ? void() : alarm_->unset();
    End end;
    end.has_room = has_room;
    end.problem = problem;
    const auto on_end = std::exchange(on_end_, nullptr);
    on_end(std::move(end));
    if (connection_) {
        connections_.close(*connection_);
        connection_.reset();
    }
}

}  // namespace gateway

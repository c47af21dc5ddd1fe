#include "nginx/sockets.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <utility>

#include "nginx/guard.h"

namespace gateway {

namespace {

extern "C" void image_gateway_on_readable(ngx_event_t *event) {
    auto *connection = static_cast<ngx_connection_t *>(event->data);
    static_cast<NgxSockets *>(connection->data)->on_event(connection, Readiness::readable);
}

extern "C" void image_gateway_on_writable(ngx_event_t *event) {
    auto *connection = static_cast<ngx_connection_t *>(event->data);
    static_cast<NgxSockets *>(connection->data)->on_event(connection, Readiness::writable);
}

// curl needs level-triggered events. So this does not use ngx_handle_read_event() and
// ngx_add_conn(), which are edge-triggered.
bool set_interest(ngx_event_t *event, ngx_int_t kind, bool wanted) {
    if (wanted == (event->active != 0)) {
        return true;
    }
    const ngx_int_t done =
        wanted ? ngx_add_event(event, kind, NGX_LEVEL_EVENT) : ngx_del_event(event, kind, 0);
    return done == NGX_OK;
}

// Clears the error of an idle connection that was reset. curl 7.88 checks a connection by reading
// before it uses it again. It takes an error as a sign that the connection is alive, and only the
// end of data, which follows the error, as closed.
void forget_error(int socket) {
    int error = 0;
    socklen_t size = sizeof(error);
    (void)getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
}

ino_t inode_of(int socket) {
    struct stat about {};
    return fstat(socket, &about) == 0 ? about.st_ino : 0;
}

}  // namespace

NgxSockets::~NgxSockets() {
    for (Watched &watched : by_socket_) {
        if (watched.connection != nullptr) {
            detach(watched);
        }
    }
}

bool NgxSockets::is_still_open(const Watched &watched) noexcept {
    return inode_of(watched.connection->fd) == watched.inode;
}

NgxSockets::Watched *NgxSockets::find(int socket) noexcept {
    const auto index = static_cast<size_t>(socket);
    if (index >= by_socket_.size() || by_socket_[index].connection == nullptr) {
        return nullptr;
    }
    return &by_socket_[index];
}

bool NgxSockets::attach(int socket, bool is_ours) noexcept {
    // Uses the cycle's log: a connection in curl's cache outlives the request that opened it.
    ngx_connection_t *connection = ngx_get_connection(socket, ngx_cycle->log);
    if (connection == nullptr) {
        return false;
    }
    const bool kept = guard_or("socket", false, [&] {
        const auto index = static_cast<size_t>(socket);
        if (index >= by_socket_.size()) {
            by_socket_.resize(index + 64);
        }
        by_socket_[index] = {connection, nullptr, nullptr, inode_of(socket), is_ours};
        return true;
    });
    if (!kept) {
        ngx_free_connection(connection);
        connection->fd = static_cast<ngx_socket_t>(-1);
        return false;
    }
    connection->data = this;
    connection->read->handler = image_gateway_on_readable;
    connection->write->handler = image_gateway_on_writable;
    connection->read->log = ngx_cycle->log;
    connection->write->log = ngx_cycle->log;
    return true;
}

// Like ngx_close_connection(), but the descriptor stays open. A stale event of the same batch must
// not run.
void NgxSockets::detach(Watched &watched) noexcept {
    ngx_connection_t *connection = watched.connection;
    if (is_still_open(watched)) {
        (void)set_interest(connection->read, NGX_READ_EVENT, false);
        (void)set_interest(connection->write, NGX_WRITE_EVENT, false);
    } else {
        // The kernel has removed it already. Another socket may have its number and must keep its
        // events.
        connection->read->active = 0;
        connection->write->active = 0;
    }
    if (connection->read->posted) {
        ngx_delete_posted_event(connection->read);
    }
    if (connection->write->posted) {
        ngx_delete_posted_event(connection->write);
    }
    ngx_free_connection(connection);
    connection->fd = static_cast<ngx_socket_t>(-1);
    watched = {};
}

int NgxSockets::open(int family, int type, int protocol) noexcept {
    const int socket = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (socket == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno, "image gateway: socket() failed");
        return -1;
    }
    // If curl closed an earlier socket with this number without close(), curl confuses the two, and
    // does not repeat its requests for events.
    SocketListener *listener = nullptr;
    bool readable = false;
    bool writable = false;
    if (Watched *stale = find(socket)) {
        listener = stale->listener;
        readable = stale->connection->read->active != 0;
        writable = stale->connection->write->active != 0;
        detach(*stale);
    }
    if (!attach(socket, true) ||
        (listener != nullptr && !watch(socket, readable, writable, *listener))) {
        close(socket);
        return -1;
    }
    return socket;
}

void NgxSockets::close(int socket) noexcept {
    if (Watched *watched = find(socket)) {
        detach(*watched);
    }
    (void)::close(socket);
}

bool NgxSockets::watch(int socket, bool readable, bool writable,
                       SocketListener &listener) noexcept {
    Watched *watched = find(socket);
    if (watched == nullptr) {
        if (!attach(socket, false)) {
            return false;
        }
        watched = find(socket);
    }
    watched->listener = &listener;
    return set_interest(watched->connection->read, NGX_READ_EVENT, readable) &&
           set_interest(watched->connection->write, NGX_WRITE_EVENT, writable);
}

// An idle connection stays registered for reading, because the next transfer will need that again
// and usually no event comes in between. If one comes, on_event() removes the registration.
void NgxSockets::unwatch(int socket, const SocketListener &listener) noexcept {
    Watched *watched = find(socket);
    if (watched == nullptr || (watched->listener != nullptr && watched->listener != &listener)) {
        return;  // some versions of curl end watches that they did not start
    }
    if (!watched->is_ours) {
        detach(*watched);
        return;
    }
    watched->last_listener = std::exchange(watched->listener, nullptr);
    if (watched->connection->write->active && is_still_open(*watched)) {
        (void)set_interest(watched->connection->write, NGX_WRITE_EVENT, false);
    }
}

void NgxSockets::forget_earlier(int socket) noexcept {
    if (Watched *stale = find(socket)) {
        detach(*stale);
    }
}

void NgxSockets::sweep() noexcept {
    for (Watched &watched : by_socket_) {
        if (watched.connection != nullptr && !is_still_open(watched)) {
            detach(watched);
        }
    }
}

void NgxSockets::on_event(ngx_connection_t *connection, Readiness readiness) noexcept {
    const int socket = connection->fd;
    Watched *watched = socket < 0 ? nullptr : find(socket);
    if (watched == nullptr) {
        return;
    }
    if (watched->listener == nullptr) {
        (void)set_interest(connection->read, NGX_READ_EVENT, false);
        forget_error(socket);
        if (watched->last_listener != nullptr) {
            watched->last_listener->on_arrival_unwatched(socket);
        }
        return;
    }
    // worker_shutdown_timeout closes connections by setting these and calling the handler.
    if (connection->close || connection->error) {
        readiness = Readiness::failed;
    }
    watched->listener->on_ready(socket, readiness);
}

}  // namespace gateway

// What the module keeps about a request from its first phase to its last log line.
#pragma once

#include <optional>
#include <string>

#include "core/callback_owner.h"
#include "core/exchange/exchange.h"
#include "core/request/endpoint.h"
#include "nginx/answer_out.h"
#include "nginx/conf.h"
#include "nginx/ngx.h"
#include "nginx/request_ports.h"

namespace gateway {

enum class Identified : uint8_t { not_yet, yes, refused };

class RequestContext;

// A request's place in the worker's list of requests whose exchange may hold resources.
struct RequestPlace {
    ngx_queue_t link{};
    RequestContext *request = nullptr;  // null: not in the list
};

class RequestContext final : public CallbackOwner {
 public:
    explicit RequestContext(ngx_http_request_t *request);
    ~RequestContext();
    RequestContext(const RequestContext &) = delete;
    RequestContext &operator=(const RequestContext &) = delete;

    // The exchange under this location's policy. Creates a new one if an internal redirect led to
    // another location.
    Exchange &exchange(const LocationConf &location);
    [[nodiscard]] const Exchange *exchange() const { return exchange_ ? &*exchange_ : nullptr; }
    void begin_anew() { exchange_.reset(); }

    void cancel() noexcept;
    // Called after a callback of the request threw. Ends the request with a 500, or breaks the
    // reply off if it has begun.
    void end_by_exception(const char *what) noexcept override;
    // Takes the reply, or its next part. Sends it later from the event loop, when no function of
    // the exchange is on the stack.
    void answer_soon(Answer part);
    // Tells the exchange how many bytes the client has not taken yet.
    void note_unsent();

    Identified identified = Identified::not_yet;
    const EndpointRow *endpoint = nullptr;  // that the path leads to
    size_t body_received = 0;               // of a body without a length
    std::optional<ApiError> refusal;        // why identify said no
    bool answered = false;                  // the reply that is sent was written by us
    Bytes replacement;                      // of the body of nginx's error; empty: it is sent
    AnswerOut out;                          // our reply
    std::optional<int64_t> first_byte;      // milliseconds until the headers were sent

 private:
    void send_soon() noexcept;

    ngx_http_request_t *request_;
    ErrorLog log_;
    // Not allocated by themselves: nginx's pool, in which the context lies, has room for them.
    std::optional<RequestPorts> ports_;
    std::optional<Exchange> exchange_;
    const LocationConf *location_ = nullptr;
    ngx_event_t answer_event_{};
    RequestPlace place_;
    bool counted_ = false;  // as a request in progress
};

// The request's context. It is created at the first use and found again after an internal redirect.
// Null if there is no memory.
RequestContext *context_of(ngx_http_request_t *r);
// The same, but null if there is no context yet.
RequestContext *find_context(ngx_http_request_t *r);

}  // namespace gateway

// What we keep of a request from its first phase to its last log line.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/callback_owner.h"
#include "core/exchange/exchange.h"
#include "core/request/endpoint.h"
#include "nginx/answer_out.h"
#include "nginx/conf.h"
#include "nginx/ngx.h"

namespace gateway {

// Lines with nginx's own note of client and request behind them.
class RequestLog final : public Log {
 public:
    explicit RequestLog(ngx_log_t *log) : log_(log) {}
    void write(LogLevel level, const std::string &line) override;

 private:
    ngx_log_t *log_;
};

enum class Identified : uint8_t { not_yet, yes, refused };

class RequestContext;
struct RequestPorts;

// Among the worker's requests, while one may use something.
struct RequestPlace {
    ngx_queue_t link{};
    RequestContext *request = nullptr;  // null: not among them
};

class RequestContext final : public CallbackOwner {
 public:
    explicit RequestContext(ngx_http_request_t *request);
    ~RequestContext();
    RequestContext(const RequestContext &) = delete;
    RequestContext &operator=(const RequestContext &) = delete;

    // The story as told under this location's policy; begun anew when a redirect led to another
    // one.
    Exchange &exchange(const LocationConf &location);
    [[nodiscard]] const Exchange *exchange() const { return exchange_.get(); }
    void begin_anew() { exchange_.reset(); }

    void cancel() noexcept;
    // Something that was done for the request threw: it ends with a 500, or breaks off if the
    // answer has begun.
    void end_by_exception(const char *what) noexcept override;
    // Takes the answer, or the next part of a stream, and sends it from the event loop, when
    // nothing of the exchange is on the stack any more.
    void answer_soon(Answer part);
    // Tells the exchange how far behind the client is.
    void note_unsent();

    Identified identified = Identified::not_yet;
    const EndpointRow *endpoint = nullptr;  // that the path leads to
    std::optional<ApiError> refusal;        // why identify said no
    bool answered = false;                  // the reply that is sent was written by us
    Bytes replacement;                      // of the body of nginx's error; empty: it is sent
    AnswerOut out;                          // our reply

 private:
    void send_soon() noexcept;

    ngx_http_request_t *request_;
    RequestLog log_;
    std::unique_ptr<RequestPorts> ports_;
    std::unique_ptr<Exchange> exchange_;
    const LocationConf *location_ = nullptr;
    ngx_event_t answer_event_{};
    RequestPlace place_;
};

// The request's context, made at first use and found again after an internal redirect; null without
// memory.
RequestContext *context_of(ngx_http_request_t *r);
// The same, but null when there is none.
RequestContext *find_context(ngx_http_request_t *r);

}  // namespace gateway

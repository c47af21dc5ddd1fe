// nginx's log phase: counts and traces each request of a gateway location that is over, whoever has
// ended it.
#include "nginx/guard.h"
#include "nginx/handlers.h"
#include "nginx/read_head.h"
#include "nginx/request_context.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

// As in $status; but of a reply that had begun and ended with an error, the status of the error.
int status_of(const ngx_http_request_t &r, const Exchange &exchange) {
    const auto sent = static_cast<int>(r.err_status != 0 ? r.err_status : r.headers_out.status);
    return sent == NGX_HTTP_OK && exchange.end_status() >= NGX_HTTP_BAD_REQUEST
               ? exchange.end_status()
               : sent;
}

std::string_view operation_of(ngx_http_request_t *r, const Exchange &exchange,
                              const EndpointRow *endpoint) {
    if (r->method == NGX_HTTP_OPTIONS) {
        return "preflight";
    }
    switch (endpoint == nullptr ? EndpointRow::none : endpoint->what) {
        case EndpointRow::make: return name_of(exchange.operation().value_or(*endpoint->operation));
        case EndpointRow::models:
        case EndpointRow::model: return "models";
        case EndpointRow::file: return "file";
        case EndpointRow::jobs:
        case EndpointRow::job:
        case EndpointRow::async_job: return "jobs";
        case EndpointRow::openapi:
        case EndpointRow::none: break;
    }
    return kOtherLabel;
}

// A request that is over, for metrics and for traces.
struct OverRequest {
    ngx_http_request_t *r;
    const Exchange &exchange;
    std::string_view operation;
    bool makes_images;
};

void count_request(Recorder &recorder, const OverRequest &over, const RequestContext &context) {
    recorder.record({over.exchange, over.operation, over.makes_images,
                     status_of(*over.r, over.exchange),
                     static_cast<uint64_t>(over.r->request_length),
                     static_cast<uint64_t>(over.r->connection->sent), context.first_byte});
}

void trace_request(SpanRecorder &recorder, const OverRequest &over) {
    const Exchange &exchange = over.exchange;
    if (!exchange.trace()) {
        return;
    }
    RequestSpan span{.trace = *exchange.trace()};
    span.method = to_view(over.r->method_name);
    span.operation = over.operation;
    span.makes_images = over.makes_images;
    span.request_id = exchange.request_id();
    span.requested_model = exchange.requested_model();
    span.outcome = exchange.outcome();
    span.status = status_of(*over.r, exchange);
    span.latency = exchange.milliseconds();
    span.attempts = exchange.attempts().size();
    span.last_attempt = exchange.attempts().empty() ? nullptr : &exchange.attempts().back();
    span.images = static_cast<int64_t>(exchange.images());
    span.images_lost = exchange.images_lost();
    span.cost = exchange.cost();
    span.usage = exchange.usage();
    recorder.record(span);
}

void note_request_end(ngx_http_request_t *r) {
    const RequestContext *context = find_context(r);
    const Exchange *exchange = context == nullptr ? nullptr : context->exchange();
    if (exchange == nullptr || worker() == nullptr) {
        return;
    }
    const EndpointRow *endpoint = context->endpoint;
    if (endpoint == nullptr && location_conf(r).enabled) {
        endpoint = endpoint_of(r).row;  // it was refused before it was looked at
    }
    const bool makes_images =
        endpoint != nullptr && endpoint->what == EndpointRow::make && r->method != NGX_HTTP_OPTIONS;
    const OverRequest over{r, *exchange, operation_of(r, *exchange, endpoint), makes_images};
    if (worker()->recorder) {
        count_request(*worker()->recorder, over, *context);
    }
    if (worker()->span_recorder) {
        trace_request(*worker()->span_recorder, over);
    }
}

}  // namespace

ngx_int_t log_handler(ngx_http_request_t *r) noexcept {
    guard("log", [=] { note_request_end(r); });
    return NGX_OK;
}

}  // namespace gateway

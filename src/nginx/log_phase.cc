// nginx's log phase: counts each request of a gateway location that is over, whoever has ended it.
#include "nginx/guard.h"
#include "nginx/handlers.h"
#include "nginx/read_head.h"
#include "nginx/request_context.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

// As in $status.
int status_of(const ngx_http_request_t &r) {
    return static_cast<int>(r.err_status != 0 ? r.err_status : r.headers_out.status);
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

void count_request(ngx_http_request_t *r) {
    const RequestContext *context = find_context(r);
    const Exchange *exchange = context == nullptr ? nullptr : context->exchange();
    if (exchange == nullptr || worker() == nullptr || !worker()->recorder) {
        return;
    }
    const EndpointRow *endpoint = context->endpoint;
    if (endpoint == nullptr && location_conf(r).enabled) {
        endpoint = endpoint_of(r).row;  // it was refused before it was looked at
    }
    const bool makes_images =
        endpoint != nullptr && endpoint->what == EndpointRow::make && r->method != NGX_HTTP_OPTIONS;
    worker()->recorder->record({*exchange, operation_of(r, *exchange, endpoint), makes_images,
                                status_of(*r), static_cast<uint64_t>(r->request_length),
                                static_cast<uint64_t>(r->connection->sent), context->first_byte});
}

}  // namespace

ngx_int_t log_handler(ngx_http_request_t *r) noexcept {
    guard("log", [=] { count_request(r); });
    return NGX_OK;
}

}  // namespace gateway

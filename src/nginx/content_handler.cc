// The content handler: finds the endpoint, lets the exchange enter the caller's limits, reads the
// body and runs the exchange.
#include <algorithm>
#include <utility>

#include "core/access/foreign_page.h"
#include "core/openapi/document.h"
#include "core/request/multipart_reader.h"
#include "nginx/guard.h"
#include "nginx/handlers.h"
#include "nginx/read_head.h"
#include "nginx/receive_body.h"
#include "nginx/request_context.h"
#include "nginx/send.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

// Replies with an error before the body is read. Does not wait for the body.
ngx_int_t refuse(ngx_http_request_t *r, RequestContext &context, const ApiError &error,
                 std::string_view allow = {}) {
    Answer answer = context.exchange(location_conf(r)).refuse(error);
    if (!allow.empty()) {
        answer.headers.emplace_back("Allow", allow);
    }
    if (r->headers_in.expect != nullptr) {
        // The client asked by "Expect: 100-continue" whether to send the body. It must not, and
        // the connection is closed.
        r->expect_tested = 1;
        r->keepalive = 0;
    }
    const ngx_int_t discarded = ngx_http_discard_request_body(r);
    if (discarded != NGX_OK) {
        return discarded;
    }
    return send_answer(r, context, std::move(answer));
}

ngx_int_t answer_now(ngx_http_request_t *r, RequestContext &context, Answer answer) {
    const ngx_int_t discarded = ngx_http_discard_request_body(r);
    return discarded == NGX_OK ? send_answer(r, context, std::move(answer)) : discarded;
}

ngx_int_t answer_preflight(ngx_http_request_t *r) {
    const ngx_int_t discarded = ngx_http_discard_request_body(r);
    if (discarded != NGX_OK) {
        return discarded;
    }
    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;
    return ngx_http_send_header(r);
}

ngx_int_t answer_about_models(ngx_http_request_t *r, RequestContext &context,
                              const Exchange &exchange, const Endpoint &endpoint) {
    const ModelListContext models = exchange.model_list();
    Answer answer;
    if (endpoint.what() == EndpointRow::models) {
        answer.body = Bytes::own(write_models(models, ngx_time()));
        return answer_now(r, context, std::move(answer));
    }
    auto written = write_model(models, endpoint.name, ngx_time());
    if (!written) {
        return refuse(r, context, written.error());
    }
    answer.body = Bytes::own(std::move(*written));
    return answer_now(r, context, std::move(answer));
}

DocumentedKey documented_key(AuthMode mode) {
    switch (mode) {
        case AuthMode::optional: return DocumentedKey::optional;
        case AuthMode::off: return DocumentedKey::none;
        default: return DocumentedKey::required;
    }
}

ngx_int_t answer_with_openapi(ngx_http_request_t *r, RequestContext &context,
                              const EndpointRow &row) {
    const Policy &policy = location_conf(r).policy;
    const std::string_view uri = to_view(r->uri);
    Answer answer;
    answer.body =
        Bytes::own(write_openapi({*policy.profile, uri.substr(0, uri.size() - row.tail.size()),
                                  documented_key(policy.auth), policy.sharing.jobs.on}));
    return answer_now(r, context, std::move(answer));
}

ngx_int_t answer_with_image(ngx_http_request_t *r, RequestContext &context, const Hosting &hosting,
                            std::string_view name) {
    if (!is_valid_link(name, to_view(r->args), hosting, ngx_time())) {
        return refuse(r, context,
                      ApiError::of(403, "invalid_link", "The link is not valid or has expired."));
    }
    const ngx_int_t served = serve_image(r, hosting, name);
    return served == NGX_HTTP_NOT_FOUND
               ? refuse(r, context,
                        ApiError::of(404, "picture_not_found", "The image no longer exists."))
               : served;
}

bool is_allowed(const EndpointRow &row, ngx_uint_t method) {
    if (method == NGX_HTTP_DELETE) {
        return row.methods.ends_with("DELETE");
    }
    return row.is_read() ? method == NGX_HTTP_GET || method == NGX_HTTP_HEAD
                         : method == NGX_HTTP_POST;
}

ngx_int_t refuse_method(ngx_http_request_t *r, RequestContext &context, const EndpointRow &row) {
    return refuse(r, context,
                  ApiError::of(405, "method_not_allowed", std::string(row.method_error)),
                  row.methods);
}

bool is_about_jobs(EndpointRow::What what) {
    return what == EndpointRow::jobs || what == EndpointRow::job || what == EndpointRow::async_job;
}

JobRequest job_request(ngx_http_request_t *r, const Endpoint &endpoint) {
    JobRequest request;
    request.id = endpoint.name;
    if (endpoint.what() == EndpointRow::jobs) {
        request.what = JobRequest::What::list;
        request.query = to_view(r->args);
    } else if (endpoint.what() == EndpointRow::async_job) {
        request.what = JobRequest::What::show_bifrost;
        request.operation = row_of(*endpoint.row->operation).request_type;
    } else if (r->method == NGX_HTTP_DELETE) {
        request.what = JobRequest::What::remove;
    }
    return request;
}

// The answer comes later, from the records.
ngx_int_t answer_about_jobs(ngx_http_request_t *r, RequestContext &context, Exchange &exchange,
                            const Endpoint &endpoint) {
    const ngx_int_t discarded = ngx_http_discard_request_body(r);
    if (discarded != NGX_OK) {
        return discarded;
    }
    ++r->main->count;  // keeps the request until then
    exchange.answer_about_jobs(job_request(r, endpoint), [&context](Answer answer) {
        context.answer_soon(std::move(answer));
    });
    return NGX_DONE;
}

bool is_of_type(std::string_view content_type, std::string_view type) {
    content_type = content_type.substr(0, content_type.find(';'));
    while (!content_type.empty() && content_type.back() == ' ') {
        content_type.remove_suffix(1);
    }
    return content_type.size() == type.size() &&
           ngx_strncasecmp(to_ngx(content_type).data, to_ngx(type).data, type.size()) == 0;
}

bool is_form(const EndpointRow &endpoint, std::string_view content_type) {
    return endpoint.takes_form && is_multipart_form(content_type);
}

// A browser sends some requests of any web page without a preflight, together with what belongs to
// its user: an internal address, Basic credentials, cookies. A request with a virtual key or a
// token had a preflight or does not come from a browser.
bool may_page_ask(ngx_http_request_t *r, const RequestHead &head) {
    const LocationConf &location = location_conf(r);
    if (!head.credentials.empty() ||
        !is_from_foreign_page(head, to_view(r->headers_in.server), location.public_host)) {
        return true;
    }
    const bool has_browsers_own = head.has_cookie || head.malformed_credentials;
    return location.cors.allows(head.origin) && !(location.cors.any && has_browsers_own);
}

// Lets nginx notice a client that leaves while a provider works.
void watch_for_abort(ngx_http_request_t *r) {
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;
    ngx_event_t *read = r->connection->read;
    if (read->ready) {
        if (!read->posted) {
            ngx_post_event(read, &ngx_posted_events);
        }
    } else if (ngx_handle_read_event(read, 0) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "image gateway: cannot watch the client's connection");
    }
}

extern "C" void image_gateway_on_body(ngx_http_request_t *r) {
    RequestContext &context = *find_context(r);
    run_for(context, [&] {
        ReceivedBody body;
        if (const ngx_int_t refused = take_body(r, *context.endpoint, body); refused != NGX_OK) {
            ngx_http_finalize_request(r, refused);
            return;
        }
        watch_for_abort(r);
        Exchange &exchange = context.exchange(location_conf(r));
        if (is_form(*context.endpoint, exchange.head().content_type)) {
            body.content_type = exchange.head().content_type;
        }
        exchange.run(*context.endpoint->operation, std::move(body),
                     [&context](Answer answer) { context.answer_soon(std::move(answer)); });
    });
}

// Continues after enter(). An error is sent before the body is read.
ngx_int_t go_on_after_entering(ngx_http_request_t *r, RequestContext &context,
                               const Exchange::Entered &entered) {
    if (!entered) {
        return refuse(r, context, entered.error());
    }
    const EndpointRow &endpoint = *context.endpoint;
    const std::string_view type = context.exchange()->head().content_type;
    if (!is_of_type(type, "application/json") && !is_form(endpoint, type)) {
        return refuse(r, context, ApiError::of(415));
    }
    const auto max = static_cast<off_t>(max_body(location_conf(r), endpoint));
    if (r->headers_in.content_length_n > max) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;  // as nginx does, so that error_page counts
    }
    r->request_body_in_single_buf = 1;
    r->request_body_file_log_level = NGX_LOG_INFO;  // a file is what we want
    const ngx_int_t reading = ngx_http_read_client_request_body(r, image_gateway_on_body);
    return reading >= NGX_HTTP_SPECIAL_RESPONSE ? reading : NGX_DONE;
}

ngx_int_t enter(ngx_http_request_t *r, RequestContext &context, Exchange &exchange) {
    const BodySize size = needs_of_body(*r, location_conf(r), *context.endpoint);
    const auto entered = exchange.enter(size, [r, &context](const Exchange::Entered &later) {
        ngx_connection_t *connection = r->connection;  // the request may be freed here
        ngx_http_set_log_request(connection->log, r);
        ngx_http_finalize_request(r, go_on_after_entering(r, context, later));
        ngx_http_run_posted_requests(connection);
    });
    if (entered) {
        return go_on_after_entering(r, context, *entered);
    }
    ++r->main->count;  // keeps the request until the accounts answer
    return NGX_DONE;
}

ngx_int_t handle(ngx_http_request_t *r) {
    if (worker() == nullptr) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    if (r != r->main) {
        // The access phase does not run for subrequests (mirror, SSI, auth_request), so they would
        // not be authenticated.
        return NGX_HTTP_FORBIDDEN;
    }
    RequestContext *context = context_of(r);
    if (context == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    const Worker &own_worker = *worker();
    const LocationConf &location = location_conf(r);
    Exchange &exchange = context->exchange(location);
    if (is_preflight(r, location.cors)) {
        return answer_preflight(r);
    }
    const Endpoint endpoint = endpoint_of(r);
    context->endpoint = endpoint.row;
    if (endpoint.what() == EndpointRow::file && location.serves_images()) {
        if (!is_allowed(*endpoint.row, r->method)) {
            return refuse_method(r, *context, *endpoint.row);
        }
        return answer_with_image(r, *context, *location.policy.hosting, endpoint.name);
    }
    if (context->identified == Identified::not_yet) {
        // The access phase did not run. A location that requires a key refuses such a request.
        if (location.policy.auth == AuthMode::required) {
            return refuse(r, *context, ApiError::of(401));
        }
        if (const auto identified =
                exchange.identify(read_head(r, location.policy.hosting != nullptr));
            !identified) {
            return refuse(r, *context, identified.error());
        }
    }
    const bool has_jobs = location.policy.sharing.jobs.on && own_worker.records != nullptr;
    if (endpoint.what() == EndpointRow::none || endpoint.what() == EndpointRow::file ||
        (!has_jobs && (is_about_jobs(endpoint.what()) || endpoint.row->is_async))) {
        const std::string path(to_view(r->uri).substr(0, 256));
        return refuse(r, *context,
                      ApiError::of(404, "unknown_url", "There is nothing at " + path + "."));
    }
    if (!is_allowed(*endpoint.row, r->method)) {
        return refuse_method(r, *context, *endpoint.row);
    }
    if (is_about_jobs(endpoint.what())) {
        return answer_about_jobs(r, *context, exchange, endpoint);
    }
    if (endpoint.what() == EndpointRow::openapi) {
        return answer_with_openapi(r, *context, *endpoint.row);
    }
    if (endpoint.what() != EndpointRow::make) {
        return answer_about_models(r, *context, exchange, endpoint);
    }
    if (!may_page_ask(r, exchange.head())) {
        return refuse(r, *context,
                      ApiError::of(403, "foreign_page",
                                   "The request comes from a web page of another site, which "
                                   "image_gateway_cors does not allow."));
    }
    if (endpoint.row->is_async) {
        exchange.make_job(Exchange::JobForm::bifrost);
    }
    return enter(r, *context, exchange);
}

}  // namespace

ngx_int_t content_handler(ngx_http_request_t *r) noexcept {
    return guard_or<ngx_int_t>("request", NGX_HTTP_INTERNAL_SERVER_ERROR,
                               [=] { return handle(r); });
}

}  // namespace gateway

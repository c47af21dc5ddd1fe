// Turns every error reply in our locations into our JSON, also errors of nginx and of other
// modules.
#include <string>
#include <utility>

#include "nginx/guard.h"
#include "nginx/handlers.h"
#include "nginx/receive_body.h"
#include "nginx/request_context.h"
#include "nginx/send.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

ngx_http_output_header_filter_pt next_header_filter;
ngx_http_output_body_filter_pt next_body_filter;

bool is_ours(ngx_http_request_t *r) {
    return r == r->main && location_conf(r).enabled && worker() != nullptr;
}

// Replaces the body of another module's error. Keeps its status and its headers, such as
// Retry-After and WWW-Authenticate.
void replace(ngx_http_request_t *r, RequestContext &context) {
    const auto status = static_cast<int>(r->headers_out.status);
    const bool refused_by_us = context.refusal && context.refusal->status == status;
    ApiError error = refused_by_us ? *context.refusal : ApiError::of(status);
    Answer answer = context.exchange(location_conf(r)).refuse(error);
    if (r->headers_out.www_authenticate != nullptr) {
        std::erase_if(answer.headers,
                      [](const auto &header) { return header.first == "WWW-Authenticate"; });
    }
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    if (r->headers_out.content_encoding != nullptr) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = nullptr;
    }
    r->headers_out.charset.len = 0;
    if (!set_headers(r, answer, static_cast<off_t>(answer.body.size()))) {
        throw std::bad_alloc();
    }
    context.replacement = std::move(answer.body);
}

// Up to now: a stream's provider is still working.
std::string server_timing(const Timing &timing) {
    const std::pair<std::string_view, Milliseconds> steps[] = {
        {"total", timing.total},       {"auth", timing.auth}, {"limits", timing.limits},
        {"body", timing.body},         {"wait", timing.wait}, {"provider", timing.provider},
        {"delivery", timing.delivery}, {"own", timing.own()},
    };
    constexpr size_t kUsual = 160;
    std::string text;
    text.reserve(kUsual);
    for (const auto &[name, time] : steps) {
        text.append(text.empty() ? "" : ", ").append(name).append(";dur=");
        text += std::to_string(time.count());
    }
    return text;
}

void add_our_headers(ngx_http_request_t *r, RequestContext &context, const Exchange &exchange) {
    const Timing timing = exchange.timing();
    context.first_byte = timing.total.count();
    if (!add_header(r, "x-request-id", exchange.request_id()) ||
        !add_header(r, "Server-Timing", server_timing(timing))) {
        throw std::bad_alloc();
    }
}

bool prepare_headers(ngx_http_request_t *r) {
    RequestContext *context = context_of(r);
    if (context == nullptr) {
        return false;
    }
    const Exchange &exchange = context->exchange(location_conf(r));
    if (r->headers_out.status >= NGX_HTTP_BAD_REQUEST && !context->answered) {
        replace(r, *context);
    }
    add_our_headers(r, *context, exchange);
    return add_cors_headers(r, location_conf(r).cors);
}

// Tries once more if memory is short. Otherwise the client would get no reply.
ngx_int_t header_filter(ngx_http_request_t *r) noexcept {
    const auto prepared = [=] {
        return guard_or("error filter", false, [=] { return prepare_headers(r); });
    };
    if (is_ours(r) && !prepared() && !prepared()) {
        return NGX_ERROR;
    }
    return next_header_filter(r);
}

ngx_int_t body_filter(ngx_http_request_t *r, ngx_chain_t *in) noexcept {
    RequestContext *context = in != nullptr && r == r->main ? find_context(r) : nullptr;
    if (context == nullptr || context->replacement.empty()) {
        return next_body_filter(r, in);
    }
    for (ngx_chain_t *link = in; link != nullptr; link = link->next) {
        link->buf->pos = link->buf->last;
        link->buf->file_pos = link->buf->file_last;
    }
    if (context->answered) {
        return NGX_OK;  // our reply is already being sent
    }
    context->answered = true;
    ngx_chain_t *body = make_chain(r, context->replacement);
    return body == nullptr ? NGX_ERROR : next_body_filter(r, body);
}

extern "C" ngx_int_t image_gateway_header_filter(ngx_http_request_t *r) {
    return header_filter(r);
}

extern "C" ngx_int_t image_gateway_body_filter(ngx_http_request_t *r, ngx_chain_t *in) {
    return body_filter(r, in);
}

}  // namespace

ngx_int_t install_filters(ngx_conf_t * /*cf*/) noexcept {
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = image_gateway_header_filter;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = image_gateway_body_filter;
    return install_body_filter(nullptr);
}

}  // namespace gateway

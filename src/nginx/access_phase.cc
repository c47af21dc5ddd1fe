// Step 1, in nginx's access phase. It runs before deny, limit_req and auth_request, so it only
// identifies the caller and changes nothing.
#include "nginx/handlers.h"

#include "nginx/guard.h"
#include "nginx/read_head.h"
#include "nginx/request_context.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

bool is_kept_image(ngx_http_request_t *r, const LocationConf &location) {
    return location.serves_images() && endpoint_of(r).what() == EndpointRow::file;
}

ngx_int_t identify_request(ngx_http_request_t *r) {
    const LocationConf &location = location_conf(r);
    if (!location.enabled || worker() == nullptr) {
        return NGX_DECLINED;
    }
    RequestContext *context = context_of(r);
    if (context == nullptr) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    context->begin_anew();
    if (is_preflight(r, location.cors) || is_kept_image(r, location)) {
        // A preflight has no key. Its reply only says whether the page may send requests. A link to
        // an image has its own signature, which the content handler checks.
        context->identified = Identified::yes;
        context->refusal.reset();
        return NGX_OK;
    }
    Exchange &exchange = context->exchange(location);
    const auto identified = exchange.identify(read_head(r, location.policy.hosting != nullptr));
    if (!identified) {
        context->identified = Identified::refused;
        context->refusal = identified.error();
        return identified.error().status;
    }
    context->identified = Identified::yes;
    context->refusal.reset();
    // A caller without a key is not authenticated: with "satisfy any", other modules decide.
    return exchange.knows_caller() ? NGX_OK : NGX_DECLINED;
}

}  // namespace

ngx_int_t access_handler(ngx_http_request_t *r) noexcept {
    return guard_or<ngx_int_t>("access", NGX_HTTP_INTERNAL_SERVER_ERROR,
                               [=] { return identify_request(r); });
}

}  // namespace gateway

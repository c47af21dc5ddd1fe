// The variables $image_gateway_…, for log_format.
#include <algorithm>
#include <string>

#include "nginx/guard.h"
#include "nginx/handlers.h"
#include "nginx/request_context.h"

namespace gateway {

namespace {

std::string seconds(int64_t milliseconds) {
    const std::string thousandths = std::to_string(1000 + milliseconds % 1000).substr(1);
    return std::to_string(milliseconds / 1000) + "." + thousandths;
}

std::string provider_of(const Exchange &exchange) {
    return exchange.attempts().empty() ? std::string() : exchange.attempts().back().provider;
}

std::string model_of(const Exchange &exchange) {
    return exchange.attempts().empty() ? std::string() : exchange.attempts().back().model;
}

std::string upstream_time(const Exchange &exchange) {
    return exchange.attempts().empty() ? std::string() : seconds(exchange.upstream_milliseconds());
}

std::string span_id_of(const Exchange &exchange) {
    return exchange.trace() && exchange.trace()->is_exported() ? write_id(exchange.trace()->span)
                                                               : std::string();
}

template <Milliseconds Timing::*kStep>
std::string time_of(const Exchange &exchange) {
    return seconds((exchange.timing().*kStep).count());
}

using Reader = std::string (*)(const Exchange &);

struct Variable {
    ngx_str_t name;
    Reader read;
};

const Variable kVariables[] = {
    {ngx_string("image_gateway_provider"), provider_of},
    {ngx_string("image_gateway_model"), model_of},
    {ngx_string("image_gateway_key"), [](const Exchange &e) { return std::string(e.caller_id()); }},
    {ngx_string("image_gateway_end_user"),
     [](const Exchange &e) { return std::string(e.end_user()); }},
    {ngx_string("image_gateway_images"),
     [](const Exchange &e) {
         return e.images() == 0 ? std::string() : std::to_string(e.images());
     }},
    {ngx_string("image_gateway_cost"),
     [](const Exchange &e) { return e.cost() ? dollars(*e.cost()) : std::string(); }},
    {ngx_string("image_gateway_outcome"),
     [](const Exchange &e) { return std::string(e.outcome()); }},
    {ngx_string("image_gateway_attempts"),
     [](const Exchange &e) { return std::to_string(e.attempts().size()); }},
    {ngx_string("image_gateway_upstream_time"), upstream_time},
    {ngx_string("image_gateway_request_id"), [](const Exchange &e) { return e.request_id(); }},
    {ngx_string("image_gateway_trace_id"),
     [](const Exchange &e) { return e.trace() ? write_id(e.trace()->id) : std::string(); }},
    {ngx_string("image_gateway_span_id"), span_id_of},
    {ngx_string("image_gateway_operation"),
     [](const Exchange &e) { return e.operation() ? std::string(name_of(*e.operation())) : ""; }},
    {ngx_string("image_gateway_requested_model"),
     [](const Exchange &e) { return std::string(e.requested_model()); }},
    {ngx_string("image_gateway_images_lost"),
     [](const Exchange &e) {
         return e.images_lost() == 0 ? std::string() : std::to_string(e.images_lost());
     }},
    {ngx_string("image_gateway_auth_time"), time_of<&Timing::auth>},
    {ngx_string("image_gateway_limits_time"), time_of<&Timing::limits>},
    {ngx_string("image_gateway_body_time"), time_of<&Timing::body>},
    {ngx_string("image_gateway_wait_time"), time_of<&Timing::wait>},
    {ngx_string("image_gateway_provider_time"), time_of<&Timing::provider>},
    {ngx_string("image_gateway_delivery_time"), time_of<&Timing::delivery>},
    {ngx_string("image_gateway_own_time"),
     [](const Exchange &e) { return seconds(e.timing().own().count()); }},
};

// nginx also evaluates variables of requests that the gateway did not handle. Then they are not
// found.
bool read_variable(ngx_http_request_t *r, ngx_http_variable_value_t &value,
                   const Variable &variable) {
    const RequestContext *context = find_context(r->main);
    const Exchange *exchange = context == nullptr ? nullptr : context->exchange();
    const std::string text = exchange == nullptr ? std::string() : variable.read(*exchange);
    if (text.empty()) {
        value.not_found = 1;
        return true;
    }
    value.data = static_cast<u_char *>(ngx_pnalloc(r->pool, text.size()));
    if (value.data == nullptr) {
        return false;
    }
    ngx_memcpy(value.data, text.data(), text.size());
    value.len = static_cast<unsigned>(text.size());
    value.valid = 1;
    value.no_cacheable = 1;  // the value may change
    value.not_found = 0;
    return true;
}

extern "C" ngx_int_t image_gateway_variable(ngx_http_request_t *r, ngx_http_variable_value_t *value,
                                            uintptr_t index) {
    const bool read =
        guard_or("variable", false, [=] { return read_variable(r, *value, kVariables[index]); });
    return read ? NGX_OK : NGX_ERROR;
}

// The index of the variable if the configuration has it. nginx refuses a configuration in which an
// index has no variable.
bool find_variable(ngx_conf_t *cf, std::string_view name, ngx_int_t &index) {
    const auto *core = static_cast<const ngx_http_core_main_conf_t *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    const ngx_array_t &keys = core->variables_keys->keys;
    const auto *first = static_cast<const ngx_hash_key_t *>(keys.elts);
    const bool exists = std::any_of(first, first + keys.nelts, [=](const ngx_hash_key_t &one) {
        return to_view(one.key) == name;
    });
    if (!exists) {
        return true;
    }
    ngx_str_t text = to_ngx(name);
    index = ngx_http_get_variable_index(cf, &text);
    return index != NGX_ERROR;
}

}  // namespace

ngx_int_t add_variables(ngx_conf_t *cf) noexcept {
    uintptr_t index = 0;
    for (const Variable &row : kVariables) {
        ngx_str_t name = row.name;
        ngx_http_variable_t *variable = ngx_http_add_variable(cf, &name, NGX_HTTP_VAR_NOCACHEABLE);
        if (variable == nullptr) {
            return NGX_ERROR;
        }
        variable->get_handler = image_gateway_variable;
        variable->data = index++;
    }
    return NGX_OK;
}

bool find_variables(ngx_conf_t *cf) noexcept {
    auto &main = *static_cast<MainConf *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module));
    return find_variable(cf, "otel_trace_id", main.otel_trace) &&
           find_variable(cf, "otel_span_id", main.otel_span);
}

}  // namespace gateway

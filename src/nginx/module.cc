// The two nginx modules: one answers requests, the other filters errors. Both only connect nginx's
// hooks to the functions of this directory.
#include "nginx/conf.h"
#include "nginx/handlers.h"
#include "nginx/worker.h"

namespace {

extern "C" {

ngx_int_t image_gateway_access(ngx_http_request_t *r) {
    return gateway::access_handler(r);
}

ngx_int_t image_gateway_log(ngx_http_request_t *r) {
    return gateway::log_handler(r);
}

ngx_int_t image_gateway_preconfiguration(ngx_conf_t *cf) {
    return gateway::add_variables(cf);
}

ngx_int_t image_gateway_postconfiguration(ngx_conf_t *cf) {
    auto *core = static_cast<ngx_http_core_main_conf_t *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module));
    auto *handler = static_cast<ngx_http_handler_pt *>(
        ngx_array_push(&core->phases[NGX_HTTP_ACCESS_PHASE].handlers));
    if (handler == nullptr) {
        return NGX_ERROR;
    }
    *handler = image_gateway_access;
    if (!gateway::find_variables(cf)) {
        return NGX_ERROR;
    }
    const auto *main = static_cast<const gateway::MainConf *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module));
    if (main->metrics_zone == nullptr && !main->otlp) {
        return NGX_OK;
    }
    handler = static_cast<ngx_http_handler_pt *>(
        ngx_array_push(&core->phases[NGX_HTTP_LOG_PHASE].handlers));
    if (handler == nullptr) {
        return NGX_ERROR;
    }
    *handler = image_gateway_log;
    return NGX_OK;
}

void *image_gateway_create_main_conf(ngx_conf_t *cf) {
    return gateway::create_main_conf(cf);
}

char *image_gateway_init_main_conf(ngx_conf_t *cf, void *conf) {
    return gateway::init_main_conf(cf, conf);
}

void *image_gateway_create_location_conf(ngx_conf_t *cf) {
    return gateway::create_location_conf(cf);
}

char *image_gateway_merge_location_conf(ngx_conf_t *cf, void *parent, void *child) {
    return gateway::merge_location_conf(cf, parent, child);
}

ngx_int_t image_gateway_init_module(ngx_cycle_t *cycle) {
    return gateway::prepare_files(cycle) ? NGX_OK : NGX_ERROR;
}

ngx_int_t image_gateway_init_process(ngx_cycle_t *cycle) {
    return gateway::start_worker(cycle);
}

void image_gateway_exit_process(ngx_cycle_t *cycle) {
    gateway::stop_worker(cycle);
}

ngx_int_t image_gateway_install_filters(ngx_conf_t *cf) {
    return gateway::install_filters(cf);
}

}  // extern "C"

ngx_http_module_t gateway_hooks = {
    image_gateway_preconfiguration,
    image_gateway_postconfiguration,
    image_gateway_create_main_conf,
    image_gateway_init_main_conf,
    nullptr,
    nullptr,
    image_gateway_create_location_conf,
    image_gateway_merge_location_conf,
};

ngx_http_module_t filter_hooks = {
    nullptr, image_gateway_install_filters, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
};

}  // namespace

extern "C" {

ngx_module_t ngx_http_image_gateway_module = {
    NGX_MODULE_V1,
    &gateway_hooks,
    gateway::commands(),
    NGX_HTTP_MODULE,
    nullptr,
    image_gateway_init_module,
    image_gateway_init_process,
    nullptr,
    nullptr,
    image_gateway_exit_process,
    nullptr,
    NGX_MODULE_V1_PADDING,
};

ngx_module_t ngx_http_image_gateway_filter_module = {
    NGX_MODULE_V1, &filter_hooks, nullptr, NGX_HTTP_MODULE, nullptr, nullptr,
    nullptr,       nullptr,       nullptr, nullptr,         nullptr, NGX_MODULE_V1_PADDING,
};

}  // extern "C"

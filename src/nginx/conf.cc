#include "nginx/conf.h"

#include <new>
#include <utility>

#include "nginx/conf_error.h"
#include "nginx/directive.h"

namespace gateway {

namespace {

template <typename Conf>
void destroy(void *conf) noexcept {
    static_cast<Conf *>(conf)->~Conf();
}

// Makes a C++ object in nginx's pool, which destroys it. The handler is set last, because the
// constructor may throw.
template <typename Conf>
Conf &make_in_pool(ngx_pool_t *pool) {
    static_assert(alignof(Conf) <= NGX_ALIGNMENT);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(pool, sizeof(Conf));
    if (cleanup == nullptr) {
        throw ConfError{"no memory"};
    }
    auto *conf = new (cleanup->data) Conf();
    cleanup->handler = destroy<Conf>;
    return *conf;
}

// Not an error, but the operator should not learn of it from the provider's.
void warn_if_shut_down(ngx_conf_t *cf, const ModelMap &models, const std::string &model) {
    if (const auto sentence = models.shut_down(model, ngx_time())) {
        ngx_str_t text = to_ngx(*sentence);
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%V", &text);
    }
}

std::string prefix_of(const ngx_http_core_loc_conf_t &core) {
#if (NGX_PCRE)
    const bool is_regex = core.regex != nullptr;
#else
    const bool is_regex = false;
#endif
    const bool is_prefix = core.exact_match == 0 && core.named == 0 && !is_regex;
    return is_prefix ? to_string(core.name) : std::string();
}

// "limit_except" and "if" make a nameless location, which is a gateway if the surrounding location
// is, unless it has a handler of its own. The same for metrics and the status.
bool inside_of(const ngx_http_core_loc_conf_t &core, bool surrounding,
               ngx_http_handler_pt handler) {
    return core.noname != 0 && surrounding && (core.handler == nullptr || core.handler == handler);
}

}  // namespace

void *create_main_conf(ngx_conf_t *cf) noexcept {
    MainConf *made = nullptr;
    (void)read_directive(cf, [&] {
        auto &main = make_in_pool<MainConf>(cf->pool);
        auto catalogue = Catalogue::read(Catalogue::built_in());
        if (!catalogue) {
            throw ConfError{"the built-in catalogue is broken: " + catalogue.error()};
        }
        main.built_in = std::make_shared<const Catalogue>(std::move(*catalogue));
        main.models.use(main.built_in);
        made = &main;
    });
    return made;
}

char *init_main_conf(ngx_conf_t *cf, void *conf) noexcept {
    return read_directive(cf, [=] {
        const ModelMap &models = static_cast<MainConf *>(conf)->models;
        const auto checked = models.check(*models.catalogue());
        if (!checked) {
            throw ConfError{checked.error()};
        }
        for (const auto &[name, alias] : models.aliases()) {
            for (const Alias::Member &member : alias.members) {
                warn_if_shut_down(cf, models, member.model);
            }
        }
    });
}

void *create_location_conf(ngx_conf_t *cf) noexcept {
    LocationConf *made = nullptr;
    (void)read_directive(cf, [&] {
        auto &location = make_in_pool<LocationConf>(cf->pool);
        read_location_defaults(cf, location);
        made = &location;
    });
    return made;
}

char *merge_location_conf(ngx_conf_t *cf, void *parent, void *child) noexcept {
    return read_directive(cf, [=] {
        const auto &above = *static_cast<LocationConf *>(parent);
        auto &location = *static_cast<LocationConf *>(child);
        inherit_directives(location, above);
        auto *core = static_cast<ngx_http_core_loc_conf_t *>(
            ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
        if (!location.enabled && inside_of(*core, above.enabled, content_handler)) {
            location.enabled = true;
            location.policy.profile = above.policy.profile;
        }
        if (inside_of(*core, above.report.kind != ReportConf::Kind::none, report_handler)) {
            location.report = above.report;
        }
        if (location.report.kind != ReportConf::Kind::none) {
            core->handler = report_handler;
            finish_report_location(cf,
                                   *static_cast<MainConf *>(ngx_http_conf_get_module_main_conf(
                                       cf, ngx_http_image_gateway_module)),
                                   location);
        }
        if (core->noname != 0 && core->handler == nullptr && above.page != nullptr) {
            location.page = above.page;
            core->handler = page_handler;
        }
        location.prefix = core->noname != 0 ? above.prefix : prefix_of(*core);
        if (location.enabled) {
            auto &main = *static_cast<MainConf *>(
                ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module));
            finish_location(cf, main, location);
            warn_if_shut_down(cf, main.models, location.policy.default_model);
        }
    });
}

}  // namespace gateway

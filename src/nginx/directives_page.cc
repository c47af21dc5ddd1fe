// The directive that makes a location the page.
#include <string>

#include "core/html/page.h"
#include "core/json/text.h"
#include "nginx/directive_values.h"

namespace gateway {

namespace {

// The browser asks this server for it, so it is a path and nothing else.
std::string read_path(std::string_view value, std::string_view name) {
    const bool good = value.starts_with('/') && !value.starts_with("//") &&
                      is_visible_ascii(value) &&
                      value.find_first_of("\"'\\?#<>") == std::string_view::npos;
    if (!good) {
        throw ConfError{"invalid value \"" + std::string(value) + "\" of \"" + std::string(name) +
                        "\", expected a path such as /v1/"};
    }
    return std::string(value);
}

// api=PATH [status=PATH] [title=TEXT]
PageSettings read_settings(ngx_conf_t *cf) {
    PageSettings settings{{}, {}, "Image gateway"};
    for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "api", value)) {
            settings.api = read_path(value, "api");
        } else if (take_parameter(arguments(cf)[i], "status", value)) {
            settings.status = read_path(value, "status");
        } else if (take_parameter(arguments(cf)[i], "title", value)) {
            settings.title = value;
        } else {
            invalid_parameter(to_view(arguments(cf)[i]), "api=PATH, status=PATH or title=TEXT");
        }
    }
    if (settings.api.empty()) {
        throw ConfError{
            "\"image_gateway_page\" needs \"api=PATH\", the path of a location with "
            "\"image_gateway\""};
    }
    if (!settings.api.ends_with('/')) {
        settings.api += '/';
    }
    return settings;
}

void read_page(ngx_conf_t *cf, LocationConf &location) {
    if (location.enabled) {
        throw ConfError{"\"image_gateway\" and \"image_gateway_page\" cannot share a location"};
    }
    auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    location.page = std::make_shared<const Page>(make_page(read_settings(cf)));
    core->handler = page_handler;
}

constexpr Directive kPageDirectives[] = {
    {"image_gateway_page", kLocation, {1, 3}, "", {nullptr, read_page}},
};
[[gnu::used]] constexpr auto kPageText = rows_as_text<kPageDirectives>();

}  // namespace

std::span<const Directive> page_directives() {
    return kPageDirectives;
}

}  // namespace gateway

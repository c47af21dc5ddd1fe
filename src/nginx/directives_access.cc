// Directives for authentication, limits and CORS.
#include <string>

#include "nginx/directive_values.h"
#include "nginx/limit_rules.h"

namespace gateway {

namespace {

constexpr std::array<WordRow<AuthMode>, 3> kAuthModes = {{
    {"required", AuthMode::required},
    {"optional", AuthMode::optional},
    {"off", AuthMode::off},
}};

Cors read_cors_line(ngx_conf_t *cf) {
    return read_cors(arguments(cf) + 1, cf->args->nelts - 1);
}

std::shared_ptr<JwtVerifier> read_jwt_line(ngx_conf_t *cf) {
    return read_jwt(cf, *static_cast<MainConf *>(
                            ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module)));
}

void read_limit_line(ngx_conf_t *cf, LocationConf &location) {
    const std::string_view whose = to_view(arguments(cf)[1]);
    if (whose != "key" && whose != "end_user" && whose != "address") {
        throw ConfError{"invalid value \"" + std::string(whose) +
                        "\", expected key, end_user or address"};
    }
    std::optional<Limits> &place = whose == "key"        ? location.key_limits
                                   : whose == "end_user" ? location.end_user_limits
                                                         : location.address_limits;
    if (place) {
        throw ConfError{"\"image_gateway_limit " + std::string(whose) + "\" is duplicate"};
    }
    place = read_limits(cf);
}

void inherit_limits(LocationConf &location, const LocationConf &above) {
    for (const auto limits : {&LocationConf::key_limits, &LocationConf::end_user_limits,
                              &LocationConf::address_limits}) {
        if (!(location.*limits)) {
            location.*limits = above.*limits;
        }
    }
}

constexpr Directive kAccessDirectives[] = {
    {"image_gateway_auth",
     kHttpServerLocation,
     {1, 1},
     "required",
     word_value<&Policy::auth, kAuthModes>},
    {"image_gateway_cors",
     kHttpServerLocation,
     {1, kAnyNumber},
     "off",
     value_of<&LocationConf::cors, read_cors_line>},
    {"image_gateway_jwt",
     kHttpServerLocation,
     {1, kAnyNumber},
     "",
     value_of<&Policy::tokens, read_jwt_line>},
    {"image_gateway_keys", kHttpServerLocation, {1, 1}, "", text_value<&LocationConf::keys_file>},
    {"image_gateway_limit",
     kHttpServerLocation,
     {2, kAnyNumber},
     "",
     {nullptr, read_limit_line, inherit_limits},
     true},
};
[[gnu::used]] constexpr auto kAccessText = rows_as_text<kAccessDirectives>();

}  // namespace

std::span<const Directive> access_directives() {
    return kAccessDirectives;
}

}  // namespace gateway

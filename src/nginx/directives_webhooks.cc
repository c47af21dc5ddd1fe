// Directives for webhooks: messages about the end of jobs.
#include <string>

#include "nginx/directive_values.h"
#include "nginx/files.h"

namespace gateway {

namespace {

void read_webhook_key(ngx_conf_t *cf, LocationConf &location) {
    WebhookConf &conf = location.webhook;
    conf.key_file = full_path(cf, to_view(arguments(cf)[1]));
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (!take_parameter(arguments(cf)[i], "ca", value)) {
            invalid_parameter(to_view(arguments(cf)[i]), "ca=FILE");
        }
        conf.ca_file = full_path(cf, value);
        (void)read_file(cf, conf.ca_file);  // nginx -t says if it cannot be read
    }
}

void inherit_webhook_key(LocationConf &location, const LocationConf &above) {
    location.webhook.key_file = above.webhook.key_file;
    location.webhook.ca_file = above.webhook.ca_file;
}

void read_webhook_allow(ngx_conf_t *cf, LocationConf &location) {
    auto rules = std::make_shared<FetchRules>();
    location.webhook.networks.clear();
    for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
        const std::string_view text = to_view(arguments(cf)[i]);
        const auto network = parse_network(text);
        const bool none = text == "none" && cf->args->nelts == 2;
        if (!network && !none) {
            throw ConfError{"invalid network \"" + std::string(text) +
                            "\", expected none or something like 10.0.0.0/8 or fd00::/8"};
        }
        if (network) {
            rules->allowed.push_back(*network);
            location.webhook.networks.append(text).append(" ");
        }
    }
    location.webhook.addresses = std::move(rules);
}

void inherit_webhook_allow(LocationConf &location, const LocationConf &above) {
    location.webhook.addresses = above.webhook.addresses;
    location.webhook.networks = above.webhook.networks;
}

constexpr Directive kWebhookDirectives[] = {
    {"image_gateway_webhook_allow",
     kHttpServerLocation,
     {1, kAnyNumber},
     "none",
     {nullptr, read_webhook_allow, inherit_webhook_allow}},
    {"image_gateway_webhook_key",
     kHttpServerLocation,
     {1, 2},
     "",
     {nullptr, read_webhook_key, inherit_webhook_key}},
};
[[gnu::used]] constexpr auto kWebhookText = rows_as_text<kWebhookDirectives>();

}  // namespace

std::span<const Directive> webhook_directives() {
    return kWebhookDirectives;
}

}  // namespace gateway

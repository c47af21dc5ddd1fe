// Directives for the store and for fetching images.
#include <algorithm>
#include <string>
#include <utility>

#include "core/s3/bucket.h"
#include "nginx/directive_values.h"

namespace gateway {

namespace {

// A directory is compared when nginx adds its path.
bool is_described(const MainConf &main, const ImageStore &store) {
    const auto *bucket = store.hosting->bucket.get();
    return bucket != nullptr &&
           std::any_of(main.stores.begin(), main.stores.end(), [=](const auto &other) {
               const auto *same = other->hosting->bucket.get();
               return same != nullptr && same->endpoint == bucket->endpoint &&
                      same->address() == bucket->address();
           });
}

// The default ("off") is read before the main configuration exists.
ImageStore *read_store_line(ngx_conf_t *cf) {
    if (to_view(arguments(cf)[1]) == "off" && cf->args->nelts == 2) {
        return nullptr;
    }
    auto &main = *static_cast<MainConf *>(
        ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module));
    auto store = read_store(cf);
    if (is_described(main, *store)) {
        throw ConfError{"the store \"" + store->hosting->directory +
                        "\" is already defined by another image_gateway_store"};
    }
    return main.stores.emplace_back(std::move(store)).get();
}

std::shared_ptr<const FetchRules> read_fetch_rules(ngx_conf_t *cf) {
    auto rules = std::make_shared<FetchRules>();
    for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
        const std::string_view network_text = to_view(arguments(cf)[i]);
        const auto network = parse_network(network_text);
        const bool none = network_text == "none" && cf->args->nelts == 2;
        if (!network && !none) {
            throw ConfError{"invalid network \"" + std::string(network_text) +
                            "\", expected none or something like 10.0.0.0/8 or fd00::/8"};
        }
        if (network) {
            rules->allowed.push_back(*network);
        }
    }
    return rules;
}

constexpr Directive kStoreDirectives[] = {
    {"image_gateway_fetch_allow",
     kHttpServerLocation,
     {1, kAnyNumber},
     "none",
     value_of<&Policy::fetch_rules, read_fetch_rules>},
    {"image_gateway_input_allow",
     kHttpServerLocation,
     {1, kAnyNumber},
     "none",
     value_of<&Policy::input_rules, read_fetch_rules>},
    {"image_gateway_public_url",
     kHttpServerLocation,
     {1, 1},
     "",
     text_value<&LocationConf::public_url>},
    {"image_gateway_store",
     kHttpServerLocation,
     {1, 10},
     "off",
     value_of<&LocationConf::store, read_store_line>},
    {"image_gateway_store_key",
     kHttpServerLocation,
     {1, 1},
     "",
     text_value<&LocationConf::store_key>},
};
[[gnu::used]] constexpr auto kStoreText = rows_as_text<kStoreDirectives>();

}  // namespace

std::span<const Directive> store_directives() {
    return kStoreDirectives;
}

}  // namespace gateway

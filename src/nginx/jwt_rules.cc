#include "nginx/jwt_rules.h"

#include <utility>

#include "core/json/text.h"
#include "nginx/conf.h"
#include "nginx/conf_error.h"

namespace gateway {

namespace {

// Anyone who can change a response over plain HTTP could become an administrator.
void check_address(const std::string &url) {
    constexpr std::string_view kLoopback[] = {"http://127.0.0.1", "http://localhost",
                                              "http://[::1]"};
    bool good = url.starts_with("https://");
    for (const std::string_view start : kLoopback) {
        const std::string_view rest =
            url.starts_with(start) ? std::string_view(url).substr(start.size()) : "x";
        good = good || rest.empty() || rest.front() == ':' || rest.front() == '/';
    }
    if (!good || !is_visible_ascii(url) || url.find_first_of("@\"\\#") != std::string::npos) {
        throw ConfError{"invalid jwks \"" + url +
                        "\", expected a file, or an https:// address (http:// only on loopback)"};
    }
}

std::shared_ptr<KeySource> source_of(ngx_conf_t *cf, MainConf &main, const std::string &where,
                                     const std::string &ca_file) {
    if (where.find("://") != std::string::npos) {
        check_address(where);
        auto &source = main.jwks_addresses[{where, ca_file}];
        if (source == nullptr) {
            source = std::make_shared<KeySource>();
        }
        return source;
    }
    if (!ca_file.empty()) {
        throw ConfError{"\"ca\" is for an address, and jwks= is a file"};
    }
    const std::string path = full_path(cf, where);
    JwksFile &file = main.jwks_files[path];
    if (file.source == nullptr) {
        const Fingerprint seen = fingerprint_of(path);
        const std::string text = read_file(cf, path);
        auto keys = KeySet::read(text, KeySet::Origin::file);
        if (!keys) {
            throw ConfError{"\"" + where + "\" " + keys.error()};
        }
        file.copy = std::make_shared<SharedCopy>(text, seen);
        file.source = std::make_shared<KeySource>();
        file.source->keys = std::move(*keys);
    }
    return file.source;
}

void read_admin_claim(std::string_view value, JwtRules &rules) {
    const size_t equals = value.find('=');
    rules.admin_claim = value.substr(0, equals);
    if (equals != std::string_view::npos) {
        rules.admin_value = value.substr(equals + 1);
    }
    if (rules.admin_claim.empty() ||
        (equals != std::string_view::npos && rules.admin_value.empty())) {
        throw ConfError{"invalid admin_claim \"" + std::string(value) +
                        "\", expected NAME or NAME=VALUE"};
    }
}

}  // namespace

std::shared_ptr<JwtVerifier> read_jwt(ngx_conf_t *cf, MainConf &main) {
    if (cf->args->nelts == 2 && to_view(arguments(cf)[1]) == "off") {
        return nullptr;
    }
    JwtRules rules;
    std::string where;
    std::string ca_file;
    for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
        const ngx_str_t &argument = arguments(cf)[i];
        std::string_view value;
        if (take_parameter(argument, "jwks", value)) {
            where = value;
        } else if (take_parameter(argument, "ca", value)) {
            ca_file = full_path(cf, value);
            (void)read_file(cf, value);  // only to check that it exists
        } else if (take_parameter(argument, "issuer", value)) {
            rules.issuer = value;
        } else if (take_parameter(argument, "audience", value)) {
            rules.audiences.emplace_back(value);
        } else if (take_parameter(argument, "key_claim", value)) {
            rules.key_claim = value;
        } else if (take_parameter(argument, "admin_claim", value)) {
            read_admin_claim(value, rules);
        } else if (take_parameter(argument, "leeway", value)) {
            constexpr int64_t kMaxLeeway = 600;
            rules.leeway = value == "0" ? 0 : parse_time_parameter(value).count() / 1000;
            if (rules.leeway > kMaxLeeway) {
                throw ConfError{"invalid leeway \"" + std::string(value) +
                                "\", expected at most 10m"};
            }
        } else {
            invalid_parameter(to_view(argument),
                              "jwks=FILE|URL, issuer=TEXT, audience=TEXT, key_claim=NAME, "
                              "admin_claim=NAME[=VALUE], leeway=TIME or ca=FILE");
        }
    }
    if (where.empty()) {
        throw ConfError{"\"image_gateway_jwt\" needs jwks=, a file or an https:// address"};
    }
    return std::make_shared<JwtVerifier>(std::move(rules), source_of(cf, main, where, ca_file));
}

}  // namespace gateway

#include "nginx/provider_directives.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "core/json/text.h"
#include "nginx/conf_error.h"
#include "nginx/provider_secret.h"

namespace gateway {

namespace {

void set_api(ProviderBlock &block, const Arguments &arguments) {
    block.provider.dialect = dialect_named(arguments[1]);
    if (block.provider.dialect == nullptr) {
        std::string known;
        for (const Dialect *dialect : dialects()) {
            known += (known.empty() ? "" : ", ") + std::string(dialect->name());
        }
        throw ConfError{"unknown api \"" + std::string(arguments[1]) +
                        "\", expected one of: " + known};
    }
    if (arguments.size() == 2) {
        return;
    }
    auto changed = block.provider.dialect->changed(std::span(arguments).subspan(2));
    if (!changed) {
        throw ConfError{std::move(changed.error())};
    }
    block.provider.own_dialect = std::move(*changed);
    block.provider.dialect = block.provider.own_dialect.get();
}

void set_url(ProviderBlock &block, const Arguments &arguments) {
    std::string_view url = arguments[1];
    const bool https = url.starts_with("https://");
    const std::string_view rest = url.substr(std::min(url.size(), size_t{https ? 8U : 7U}));
    if (url.find('@') != std::string_view::npos) {
        // Not quoted: it may contain a password.
        throw ConfError{"invalid url, it must not contain a user name or password"};
    }
    if ((!https && !url.starts_with("http://")) || rest.empty() || rest.front() == '/' ||
        !is_visible_ascii(url) || url.find_first_of("?#\"\\") != std::string_view::npos) {
        throw ConfError{"invalid url \"" + std::string(url) +
                        "\", expected http:// or https://, a host and perhaps a path"};
    }
    while (url.back() == '/') {
        url.remove_suffix(1);
    }
    block.provider.url = url;
}

void add_key(ProviderBlock &block, const Arguments &arguments) {
    const std::string_view source = arguments[1];
    if (source == "none" && arguments.size() == 2) {
        block.keyless = true;
        return;
    }
    ProviderKey key;
    auto secret = named_secret(block.cf, source);
    if (!secret) {
        // Not quoted: it may be the key itself.
        throw ConfError{"invalid key, expected env:NAME, file:PATH or none"};
    }
    key.secret = std::move(*secret);
    if (key.secret.empty() || !is_visible_ascii(key.secret)) {
        throw ConfError{"the key from \"" + std::string(source) +
                        "\" is empty or not one line of visible ASCII"};
    }
    if (arguments.size() == 3) {
        const ngx_str_t last = to_ngx(arguments[2]);
        std::string_view weight;
        if (!take_parameter(last, "weight", weight)) {
            invalid_parameter(arguments[2], "weight=N");
        }
        key.weight = parse_count(weight, "weight", 1, 1000);
    }
    block.provider.keys.push_back(std::move(key));
}

// A proxy's URL may hold a password.
void set_proxy(ProviderBlock &block, const Arguments &arguments) {
    const std::string_view source = arguments[1];
    const auto secret = named_secret(block.cf, source);
    const std::string_view proxy = secret ? std::string_view(*secret) : source;
    if (secret && proxy == kUnset) {
        return;
    }
    const auto has_scheme = [=](std::string_view scheme) {
        return proxy.starts_with(scheme) && proxy.size() > scheme.size();
    };
    if (!is_visible_ascii(proxy) || (!has_scheme("http://") && !has_scheme("https://") &&
                                     !has_scheme("socks5://") && !has_scheme("socks5h://"))) {
        throw ConfError{
            "invalid proxy, expected http://, https://, socks5:// or socks5h:// and a host, or "
            "env:NAME or file:PATH where such an address is"};
    }
    block.provider.proxy = proxy;
    if (!secret && proxy.find('@') != std::string_view::npos) {
        ngx_conf_log_error(
            NGX_LOG_WARN, block.cf, 0,
            "a proxy with a user name or password stands in the configuration, which "
            "\"nginx -T\" shows; expected \"proxy env:NAME\" or \"proxy file:PATH\"");
    }
}

void set_ca(ProviderBlock &block, const Arguments &arguments) {
    if (read_file(block.cf, arguments[1]).find("-----BEGIN ") == std::string::npos) {
        throw ConfError{"\"" + std::string(arguments[1]) + "\" holds no certificate in PEM form"};
    }
    block.provider.ca_file = full_path(block.cf, arguments[1]);
}

void set_answer_max(ProviderBlock &block, const Arguments &arguments) {
    block.provider.answer_max = parse_size_parameter(arguments[1]);
}

void set_latency(ProviderBlock &block, const Arguments &arguments) {
    auto &rehearsal = block.provider.rehearsal;
    std::tie(rehearsal.shortest, rehearsal.longest) = parse_time_range(arguments[1], "latency");
}

void add_failure(ProviderBlock &block, const Arguments &arguments) {
    const auto outcome = outcome_named(arguments[1]);
    if (!outcome || *outcome == OutcomeType::made || *outcome == OutcomeType::pending ||
        *outcome == OutcomeType::too_late) {
        throw ConfError{
            "unknown outcome \"" + std::string(arguments[1]) +
            "\", expected one of: refused_by_policy, callers_fault, our_credentials, out_of_quota, "
            "throttled, not_here, broken, unknown"};
    }
    int percent = 100;
    if (arguments.size() == 3) {
        const ngx_str_t last = to_ngx(arguments[2]);
        std::string_view rate;
        if (!take_parameter(last, "rate", rate)) {
            invalid_parameter(arguments[2], "rate=N%");
        }
        percent = parse_percent(rate, "rate");
    }
    block.provider.rehearsal.failures.push_back({*outcome, percent});
}

// For directives that concern the provider alone.
template <void (*set)(Provider &, const Arguments &)>
void set_rules(ProviderBlock &block, const Arguments &arguments) {
    set(block.provider, arguments);
}

constexpr ProviderDirective kProviderDirectives[] = {
    {"api", 1, 5, "", set_api},
    {"breaker", 1, 5, "failures=5 rate=50% calls=20 window=30s open=15s", set_rules<set_breaker>},
    {"ca", 1, 1, "", set_ca},
    {"fail", 1, 2, "", add_failure, true},
    {"file_account", 1, 1, "", set_rules<set_file_account>},
    {"http", 1, 1, "native", set_rules<set_http>},
    {"idempotency", 1, 1, "off", set_rules<set_idempotency>},
    {"image_gateway_answer_max", 1, 1, "", set_answer_max},
    {"image_gateway_trace", 1, 1, "on", set_rules<set_trace>},
    {"key", 1, 2, "", add_key, true},
    {"latency", 1, 1, "", set_latency},
    {"max_calls", 1, 1, "", set_rules<set_max_calls>},
    {"proxy", 1, 1, "", set_proxy},
    {"retry", 1, 3, "attempts=2 backoff=500ms..8s within=10s", set_rules<set_retry>},
    {"timeout", 1, 5, "connect=5s first_byte=300s stall=60s total=590s keepalive=4s",
     set_rules<set_timeout>},
    {"url", 1, 1, "", set_url},
};
[[gnu::used]] constexpr auto kProviderText = rows_as_text<kProviderDirectives>();

}  // namespace

std::span<const ProviderDirective> provider_directives() {
    return kProviderDirectives;
}

}  // namespace gateway

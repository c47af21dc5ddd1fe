#include "nginx/provider_block.h"

#include <algorithm>
#include <cstdlib>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/json/text.h"
#include "nginx/conf_error.h"
#include "nginx/provider_rules.h"

namespace gateway {

namespace {

constexpr const char *kUnset = "unset";  // where only a signal is sent

struct ProviderBlock {
    ngx_conf_t *cf;
    Provider provider;
    bool keyless = false;
    std::vector<std::string_view> seen;
};

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
        // Not quoted: what stands there may be a password.
        throw ConfError{"invalid url, a user name or password has no place in it"};
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

// nginx passes to its workers and to a new binary only the variables that it was told to.
void pass_on_variable(ngx_conf_t *cf, std::string_view name) {
    auto *core =
        reinterpret_cast<ngx_core_conf_t *>(ngx_get_conf(cf->cycle->conf_ctx, ngx_core_module));
    auto *variable = static_cast<ngx_str_t *>(ngx_array_push(&core->env));
    ngx_str_t text = to_ngx(name);
    u_char *copy = static_cast<u_char *>(ngx_pnalloc(cf->pool, name.size() + 1));
    if (variable == nullptr || copy == nullptr) {
        throw ConfError{"no memory"};
    }
    ngx_cpystrn(copy, text.data, text.len + 1);
    *variable = {name.size(), copy};
}

std::string secret_from_environment(ngx_conf_t *cf, std::string_view name) {
    pass_on_variable(cf, name);
    const char *value = std::getenv(std::string(name).c_str());
    if (value != nullptr && *value != '\0') {
        return value;
    }
    if (ngx_process == NGX_PROCESS_SIGNALLER) {
        return kUnset;  // "nginx -s …" only wants to know where the pid file is
    }
    throw ConfError{"the environment variable \"" + std::string(name) + "\" is not set"};
}

std::string secret_from_file(ngx_conf_t *cf, std::string_view name) {
    std::string secret;
    try {
        secret = read_file(cf, name);
    } catch (const ConfError &) {
        if (ngx_process == NGX_PROCESS_SIGNALLER) {
            return kUnset;
        }
        throw;
    }
    while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) {
        secret.pop_back();
    }
    return secret;
}

// What "env:NAME" or "file:PATH" has; false for something else.
std::pair<std::string, bool> named_secret(ngx_conf_t *cf, std::string_view source) {
    constexpr std::string_view kEnvironment = "env:";
    constexpr std::string_view kFile = "file:";
    if (source.starts_with(kEnvironment) && source.size() > kEnvironment.size()) {
        return {secret_from_environment(cf, source.substr(kEnvironment.size())), true};
    }
    if (source.starts_with(kFile) && source.size() > kFile.size()) {
        return {secret_from_file(cf, source.substr(kFile.size())), true};
    }
    return {std::string(), false};
}

void add_key(ProviderBlock &block, const Arguments &arguments) {
    const std::string_view source = arguments[1];
    if (source == "none" && arguments.size() == 2) {
        block.keyless = true;
        return;
    }
    ProviderKey key;
    auto [secret, is_secret] = named_secret(block.cf, source);
    if (!is_secret) {
        // Not quoted: what stands there may be the key itself.
        throw ConfError{"invalid key, expected env:NAME, file:PATH or none"};
    }
    key.secret = std::move(secret);
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
    const auto [secret, is_secret] = named_secret(block.cf, source);
    const std::string_view proxy = is_secret ? std::string_view(secret) : source;
    if (is_secret && proxy == kUnset) {
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
    if (!is_secret && proxy.find('@') != std::string_view::npos) {
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

// For the lines that are about the provider alone.
template <void (*set)(Provider &, const Arguments &)>
void set_rules(ProviderBlock &block, const Arguments &arguments) {
    set(block.provider, arguments);
}

struct BlockDirective {
    ngx_str_t name;
    size_t least;
    size_t most;
    bool repeats;
    void (*set)(ProviderBlock &, const Arguments &);
};

const BlockDirective kDirectives[] = {
    {ngx_string("api"), 1, 4, false, set_api},
    {ngx_string("url"), 1, 1, false, set_url},
    {ngx_string("key"), 1, 2, true, add_key},
    {ngx_string("timeout"), 1, 5, false, set_rules<set_timeout>},
    {ngx_string("retry"), 1, 3, false, set_rules<set_retry>},
    {ngx_string("breaker"), 1, 5, false, set_rules<set_breaker>},
    {ngx_string("max_calls"), 1, 1, false, set_rules<set_max_calls>},
    {ngx_string("idempotency"), 1, 1, false, set_rules<set_idempotency>},
    {ngx_string("proxy"), 1, 1, false, set_proxy},
    {ngx_string("ca"), 1, 1, false, set_ca},
    {ngx_string("image_gateway_answer_max"), 1, 1, false, set_answer_max},
    {ngx_string("latency"), 1, 1, false, set_latency},
    {ngx_string("fail"), 1, 2, true, add_failure},
};

void read_line(ProviderBlock &block, const Arguments &arguments) {
    const std::string name(arguments[0]);
    const auto *directive =
        std::find_if(std::begin(kDirectives), std::end(kDirectives),
                     [&](const BlockDirective &row) { return to_view(row.name) == name; });
    if (directive == std::end(kDirectives)) {
        throw ConfError{"unknown directive \"" + name + "\""};
    }
    if (arguments.size() - 1 < directive->least || arguments.size() - 1 > directive->most) {
        throw ConfError{"invalid number of arguments in \"" + name + "\" directive"};
    }
    const std::string_view lasting = to_view(directive->name);
    if (!directive->repeats &&
        std::find(block.seen.begin(), block.seen.end(), lasting) != block.seen.end()) {
        throw ConfError{"\"" + name + "\" directive is duplicate"};
    }
    block.seen.push_back(lasting);
    directive->set(block, arguments);
}

extern "C" char *image_gateway_provider_line(ngx_conf_t *cf, ngx_command_t * /*command*/,
                                             void *conf) {
    return read_directive(cf, [=] {
        Arguments words;
        for (ngx_uint_t i = 0; i < cf->args->nelts; ++i) {
            words.push_back(to_view(arguments(cf)[i]));
        }
        read_line(*static_cast<ProviderBlock *>(conf), words);
    });
}

void check(const ProviderBlock &block) {
    const Provider &provider = block.provider;
    const std::string who = "image_provider \"" + provider.name + "\"";
    if (provider.dialect == nullptr) {
        throw ConfError{who + " has no \"api\""};
    }
    const std::string api(provider.dialect->name());
    if (provider.dialect->needs_url() && provider.url.empty()) {
        throw ConfError{who + " has no \"url\", which api \"" + api + "\" needs"};
    }
    if (!provider.dialect->needs_url() && !provider.url.empty()) {
        throw ConfError{who + " has a \"url\", which api \"" + api + "\" has no use for"};
    }
    if (provider.dialect->needs_key() && provider.keys.empty() && !block.keyless) {
        throw ConfError{who + " has no \"key\", which api \"" + api +
                        "\" needs; for a server without keys say \"key none\""};
    }
    if (block.keyless && !provider.keys.empty()) {
        throw ConfError{who + " has both \"key none\" and a key"};
    }
    int percent = 0;
    for (const auto &failure : provider.rehearsal.failures) {
        percent += failure.percent;
    }
    if (percent > 100) {
        throw ConfError{who + " fails more than 100% of the time"};
    }
    const bool rehearses = percent > 0 || provider.rehearsal.longest.count() > 0;
    if (rehearses && api != "sandbox") {
        throw ConfError{who + ": \"latency\" and \"fail\" are for api \"sandbox\" only"};
    }
}

}  // namespace

std::unique_ptr<Provider> read_provider_block(ngx_conf_t *cf) {
    ProviderBlock block{cf, {}, false, {}};
    block.provider.name = to_string(arguments(cf)[1]);
    const std::string &name = block.provider.name;
    if (name.empty() || name.size() > 64 ||
        name.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
            std::string::npos) {
        throw ConfError{"invalid provider name \"" + name +
                        "\", expected letters, digits, '.', '_' and '-'"};
    }
    ngx_conf_t inner = *cf;
    inner.handler = image_gateway_provider_line;
    inner.handler_conf = reinterpret_cast<decltype(inner.handler_conf)>(&block);
    block.cf = &inner;
    char *result = ngx_conf_parse(&inner, nullptr);
    *cf = [&] {
        ngx_conf_t restored = inner;
        restored.handler = cf->handler;
        restored.handler_conf = cf->handler_conf;
        return restored;
    }();
    if (result != NGX_CONF_OK) {
        return nullptr;
    }
    check(block);
    return std::make_unique<Provider>(std::move(block.provider));
}

}  // namespace gateway

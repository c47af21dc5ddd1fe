#include "nginx/provider_secret.h"

#include <cstdlib>

#include "nginx/conf_error.h"

namespace gateway {

namespace {

// nginx passes only listed variables to its workers and to a new binary.
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
        return kUnset;  // "nginx -s …" only needs the pid file
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

}  // namespace

std::optional<std::string> named_secret(ngx_conf_t *cf, std::string_view source) {
    constexpr std::string_view kEnvironment = "env:";
    constexpr std::string_view kFile = "file:";
    if (source.starts_with(kEnvironment) && source.size() > kEnvironment.size()) {
        return secret_from_environment(cf, source.substr(kEnvironment.size()));
    }
    if (source.starts_with(kFile) && source.size() > kFile.size()) {
        return secret_from_file(cf, source.substr(kFile.size()));
    }
    return std::nullopt;
}

}  // namespace gateway

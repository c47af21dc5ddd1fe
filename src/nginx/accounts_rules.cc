#include "nginx/accounts_rules.h"

#include <sys/un.h>

#include <utility>

#include "nginx/conf.h"
#include "nginx/conf_error.h"
#include "nginx/provider_secret.h"

namespace gateway {

namespace {

constexpr Milliseconds kMinLease{500};
constexpr std::string_view kExpectedOfAccounts =
    "timeout=TIME, lease=TIME, on_error=serve|refuse, user=NAME, password=env:NAME|file:PATH, "
    "ca=FILE, cert=FILE or key=FILE";

// The address itself, or where it is written.
RedisAddress read_accounts_address(ngx_conf_t *cf, std::string_view argument) {
    const auto secret = named_secret(cf, argument);
    if (secret && *secret == kUnset) {
        return RedisAddress{.host = kUnset};
    }
    const auto address = parse_redis_address(secret ? std::string_view(*secret) : argument);
    if (!address) {
        throw ConfError{"invalid address of the accounts: " + address.error() +
                        "; expected shared_memory, redis://[user:password@]host[:port][/db], "
                        "rediss://…, redis://unix:PATH, or env:NAME or file:PATH of such an "
                        "address"};
    }
    return *address;
}

std::string read_accounts_password(ngx_conf_t *cf, std::string_view source) {
    const auto secret = named_secret(cf, source);
    if (!secret) {
        throw ConfError{"invalid password, expected env:NAME or file:PATH"};
    }
    return *secret;
}

bool read_on_error(std::string_view value) {
    if (value != "serve" && value != "refuse") {
        throw ConfError{"invalid on_error \"" + std::string(value) +
                        "\", expected serve or refuse"};
    }
    return value == "refuse";
}

}  // namespace

void read_accounts(ngx_conf_t *cf, MainConf &main) {
    const std::string_view where = to_view(arguments(cf)[1]);
    if (where == "shared_memory") {
        if (cf->args->nelts > 2) {
            throw ConfError{"\"shared_memory\" has no parameters"};
        }
        return;
    }
    auto rules = std::make_shared<AccountsRules>();
    RedisAddress &address = rules->redis.address;
    address = read_accounts_address(cf, where);
    std::string trusted;
    std::string certificate;
    std::string key;
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        const ngx_str_t &argument = arguments(cf)[i];
        std::string_view value;
        if (take_parameter(argument, "timeout", value)) {
            rules->redis.timeout = parse_time_parameter(value);
        } else if (take_parameter(argument, "lease", value)) {
            rules->redis.lease = parse_time_parameter(value);
        } else if (take_parameter(argument, "on_error", value)) {
            rules->redis.refuse = read_on_error(value);
        } else if (take_parameter(argument, "user", value)) {
            address.user = value;
        } else if (take_parameter(argument, "password", value)) {
            address.password = read_accounts_password(cf, value);
        } else if (take_parameter(argument, "ca", value)) {
            trusted = full_path(cf, value);
        } else if (take_parameter(argument, "cert", value)) {
            certificate = full_path(cf, value);
        } else if (take_parameter(argument, "key", value)) {
            key = full_path(cf, value);
        } else {
            // A password may stand where it does not belong: its value is not repeated.
            throw ConfError{"invalid parameter, expected " + std::string(kExpectedOfAccounts)};
        }
    }
    if (rules->redis.timeout <= Milliseconds(0) || rules->redis.lease < kMinLease) {
        throw ConfError{"the timeout must be more than 0, and the lease at least 500ms"};
    }
    if (address.socket.size() >= sizeof(sockaddr_un::sun_path)) {
        throw ConfError{"the path of the unix socket is too long"};
    }
    if (certificate.empty() != key.empty()) {
        throw ConfError{"\"cert\" and \"key\" need each other"};
    }
    if (!address.tls && !(trusted + certificate).empty()) {
        throw ConfError{"\"ca\", \"cert\" and \"key\" are for rediss://"};
    }
    rules->target.socket = address.socket;
    rules->target.host = address.host;
    rules->target.port = address.port;
    if (address.tls) {
        rules->target.tls = make_client_tls(cf, trusted, certificate, key);
    }
    main.accounts = std::move(rules);
}

}  // namespace gateway

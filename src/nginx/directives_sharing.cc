// Directives for what is made once: idempotency keys, shared requests, the cache.
#include <initializer_list>
#include <string>

#include "nginx/directive_values.h"

namespace gateway {

namespace {

// "on" or "off", which begins each of these directives.
bool read_switch(ngx_conf_t *cf) {
    const std::string_view word = to_view(arguments(cf)[1]);
    if (word != "on" && word != "off") {
        throw ConfError{"invalid value \"" + std::string(word) + "\", expected on or off"};
    }
    if (word == "off" && cf->args->nelts > 2) {
        throw ConfError{"\"off\" takes no parameters"};
    }
    return word == "on";
}

bool read_choice(std::string_view name, std::string_view value, std::string_view yes,
                 std::string_view no) {
    if (value != yes && value != no) {
        throw ConfError{"invalid " + std::string(name) + " \"" + std::string(value) +
                        "\", expected " + std::string(yes) + " or " + std::string(no)};
    }
    return value == yes;
}

int64_t read_keeping(std::string_view name, std::string_view value) {
    constexpr int64_t kLongest = int64_t{366} * 86'400;
    const int64_t seconds = parse_time_parameter(value).count() / 1000;
    if (seconds < 1 || seconds > kLongest) {
        throw ConfError{std::string(name) + " must be between 1s and 366d"};
    }
    return seconds;
}

IdempotencyRules read_idempotency(ngx_conf_t *cf) {
    IdempotencyRules rules;
    rules.on = read_switch(cf);
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (!take_parameter(arguments(cf)[i], "keep", value)) {
            invalid_parameter(to_view(arguments(cf)[i]), "keep=TIME");
        }
        rules.keep = read_keeping("keep", value);
    }
    return rules;
}

int64_t read_waiting(std::string_view value) {
    constexpr ngx_int_t kMost = 10'000;
    const ngx_str_t text = to_ngx(value);
    const ngx_int_t count = ngx_atoi(text.data, text.len);
    if (count < 0 || count > kMost) {
        throw ConfError{"waiting must be a number from 0 to 10000"};
    }
    return count;
}

JobRules read_jobs(ngx_conf_t *cf) {
    JobRules rules;
    rules.on = read_switch(cf);
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "keep", value)) {
            rules.keep = read_keeping("keep", value);
        } else if (take_parameter(arguments(cf)[i], "waiting", value)) {
            rules.waiting = read_waiting(value);
        } else {
            invalid_parameter(to_view(arguments(cf)[i]), "keep=TIME or waiting=NUMBER");
        }
    }
    return rules;
}

CoalesceRules read_coalesce(ngx_conf_t *cf) {
    CoalesceRules rules;
    rules.on = read_switch(cf);
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "charge", value)) {
            rules.charge_each = read_choice("charge", value, "each", "first");
        } else if (take_parameter(arguments(cf)[i], "unseeded", value)) {
            rules.unseeded = read_choice("unseeded", value, "on", "off");
        } else {
            invalid_parameter(to_view(arguments(cf)[i]), "charge=first|each or unseeded=on|off");
        }
    }
    return rules;
}

CacheRules read_cache(ngx_conf_t *cf) {
    CacheRules rules;
    rules.on = read_switch(cf);
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "ttl", value)) {
            rules.ttl = read_keeping("ttl", value);
        } else if (take_parameter(arguments(cf)[i], "scope", value)) {
            rules.for_whole_key = read_choice("scope", value, "key", "end_user");
        } else if (take_parameter(arguments(cf)[i], "unseeded", value)) {
            rules.unseeded = read_choice("unseeded", value, "on", "off");
        } else {
            invalid_parameter(to_view(arguments(cf)[i]),
                              "ttl=TIME, scope=key|end_user or unseeded=on|off");
        }
    }
    return rules;
}

template <auto kMember, auto kRead>
constexpr DirectiveTarget sharing_value = {
    nullptr,
    [](ngx_conf_t *cf, LocationConf &location) { location.policy.sharing.*kMember = kRead(cf); },
    [](LocationConf &location, const LocationConf &above) {
        location.policy.sharing.*kMember = above.policy.sharing.*kMember;
    }};

constexpr Directive kSharingDirectives[] = {
    {"image_gateway_cache",
     kHttpServerLocation,
     {1, 4},
     "off",
     sharing_value<&SharingRules::cache, read_cache>},
    {"image_gateway_coalesce",
     kHttpServerLocation,
     {1, 3},
     "off",
     sharing_value<&SharingRules::coalesce, read_coalesce>},
    {"image_gateway_idempotency",
     kHttpServerLocation,
     {1, 2},
     "on keep=24h",
     sharing_value<&SharingRules::idempotency, read_idempotency>},
    {"image_gateway_jobs",
     kHttpServerLocation,
     {1, 3},
     "off",
     sharing_value<&SharingRules::jobs, read_jobs>},
};
[[gnu::used]] constexpr auto kSharingText = rows_as_text<kSharingDirectives>();

}  // namespace

std::span<const Directive> sharing_directives() {
    return kSharingDirectives;
}

}  // namespace gateway

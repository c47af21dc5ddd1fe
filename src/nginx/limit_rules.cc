#include "nginx/limit_rules.h"

#include "nginx/conf_error.h"

namespace gateway {

namespace {

constexpr int kMost = 1'000'000'000;

struct LimitParameter {
    const char *name;
    bool per_minute;
    int64_t Limits::*limit;
};

constexpr LimitParameter kParameters[] = {
    {"requests", true, &Limits::requests_per_minute},
    {"images", true, &Limits::images_per_minute},
    {"images_day", false, &Limits::images_per_day},
    {"concurrent", false, &Limits::concurrent},
};

void read_limit(const LimitParameter &parameter, std::string_view value, Limits &limits) {
    constexpr std::string_view kPerMinute = "/m";
    if (limits.*parameter.limit != 0) {
        throw ConfError{std::string("duplicate \"") + parameter.name + "\""};
    }
    if (parameter.per_minute) {
        if (!value.ends_with(kPerMinute)) {
            throw ConfError{std::string("invalid ") + parameter.name + " \"" + std::string(value) +
                            "\", expected something like 60/m"};
        }
        value.remove_suffix(kPerMinute.size());
    }
    limits.*parameter.limit = parse_count(value, parameter.name, 1, kMost);
}

}  // namespace

Limits read_limits(ngx_conf_t *cf) {
    Limits limits;
    if (cf->args->nelts == 3 && to_view(arguments(cf)[2]) == "off") {
        return limits;
    }
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        bool known = false;
        for (const LimitParameter &parameter : kParameters) {
            std::string_view value;
            if (take_parameter(arguments(cf)[i], parameter.name, value)) {
                read_limit(parameter, value, limits);
                known = true;
            }
        }
        if (!known) {
            invalid_parameter(to_view(arguments(cf)[i]),
                              "requests=N/m, images=N/m, images_day=N, concurrent=N or off");
        }
    }
    return limits;
}

}  // namespace gateway

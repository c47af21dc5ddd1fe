#include "nginx/limit_rules.h"

#include "nginx/conf_error.h"

namespace gateway {

namespace {

constexpr int kMax = 1'000'000'000;

constexpr std::string_view kPerMinute = "/m";

std::string expected_limits() {
    std::string all;
    for (const LimitRow &row : kLimitRows) {
        all.append(all.empty() ? "" : ", ").append(row.word).append("=N");
        all.append(row.window == LimitWindow::minute ? kPerMinute : "");
    }
    return all + " or off";
}

void read_limit(const LimitRow &row, std::string_view value, Limits &limits) {
    const std::string word(row.word);
    if (limits.*row.value != 0) {
        throw ConfError{"duplicate \"" + word + "\""};
    }
    if (row.window == LimitWindow::minute) {
        if (!value.ends_with(kPerMinute)) {
            throw ConfError{"invalid " + word + " \"" + std::string(value) +
                            "\", expected something like 60/m"};
        }
        value.remove_suffix(kPerMinute.size());
    }
    limits.*row.value = parse_count(value, word, 1, kMax);
}

}  // namespace

Limits read_limits(ngx_conf_t *cf) {
    Limits limits;
    if (cf->args->nelts == 3 && to_view(arguments(cf)[2]) == "off") {
        return limits;
    }
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        bool known = false;
        for (const LimitRow &row : kLimitRows) {
            std::string_view value;
            if (take_parameter(arguments(cf)[i], row.word, value)) {
                read_limit(row, value, limits);
                known = true;
            }
        }
        if (!known) {
            invalid_parameter(to_view(arguments(cf)[i]), expected_limits());
        }
    }
    return limits;
}

}  // namespace gateway

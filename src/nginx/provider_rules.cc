#include "nginx/provider_rules.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <string>
#include <tuple>

#include "core/json/text.h"
#include "nginx/conf_error.h"

namespace gateway {

namespace {

struct Parameter {
    std::string_view name;
    std::function<void(std::string_view value)> set;
};

// Reads arguments of the form name=value, each at most once.
void read_parameters(const Arguments &arguments, std::initializer_list<Parameter> parameters) {
    std::vector<std::string_view> seen;
    for (size_t i = 1; i < arguments.size(); ++i) {
        const std::string_view name = arguments[i].substr(0, arguments[i].find('='));
        const auto *known = std::find_if(parameters.begin(), parameters.end(),
                                         [&](const Parameter &row) { return row.name == name; });
        if (known == parameters.end() || name.size() == arguments[i].size()) {
            std::string expected;
            for (const Parameter &row : parameters) {
                expected.append(expected.empty() ? "" : ", ").append(row.name).append("=");
            }
            invalid_parameter(arguments[i], "one of: " + expected);
        }
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
            throw ConfError{"duplicate parameter \"" + std::string(name) + "\""};
        }
        seen.push_back(name);
        known->set(arguments[i].substr(name.size() + 1));
    }
}

auto time_into(std::chrono::milliseconds &place) {
    return [&place](std::string_view value) { place = parse_time_parameter(value); };
}

auto count_into(int &place, std::string_view what, int min, int max) {
    return [=, &place](std::string_view value) { place = parse_count(value, what, min, max); };
}

bool is_off(const Arguments &arguments) {
    return arguments.size() == 2 && arguments[1] == "off";
}

}  // namespace

std::pair<Milliseconds, Milliseconds> parse_time_range(std::string_view text,
                                                       std::string_view what) {
    const size_t dots = text.find("..");
    const Milliseconds shortest = parse_time_parameter(text.substr(0, dots));
    const Milliseconds longest =
        dots == std::string_view::npos ? shortest : parse_time_parameter(text.substr(dots + 2));
    if (longest < shortest) {
        throw ConfError{"invalid " + std::string(what) + " \"" + std::string(text) +
                        "\", the second time must not be shorter than the first"};
    }
    return {shortest, longest};
}

int parse_percent(std::string_view text, std::string_view what) {
    if (!text.ends_with('%')) {
        throw ConfError{"invalid " + std::string(what) + " \"" + std::string(text) +
                        "\", expected something like 20%"};
    }
    return parse_count(text.substr(0, text.size() - 1), what, 1, 100);
}

void set_timeout(Provider &provider, const Arguments &arguments) {
    HttpTimeouts &timeouts = provider.timeouts;
    read_parameters(arguments, {{"connect", time_into(timeouts.connect)},
                                {"first_byte", time_into(timeouts.first_byte)},
                                {"stall", time_into(timeouts.stall)},
                                {"total", time_into(timeouts.total)},
                                {"keepalive", time_into(timeouts.keepalive)}});
}

void set_retry(Provider &provider, const Arguments &arguments) {
    RetryRules &retry = provider.retry;
    if (is_off(arguments)) {
        retry.attempts = 1;
        retry.within = Milliseconds(0);
        return;
    }
    read_parameters(arguments, {{"attempts", count_into(retry.attempts, "attempts", 1, 100)},
                                {"backoff",
                                 [&](std::string_view value) {
                                     std::tie(retry.shortest_pause, retry.longest_pause) =
                                         parse_time_range(value, "backoff");
                                 }},
                                {"within", time_into(retry.within)}});
}

void set_breaker(Provider &provider, const Arguments &arguments) {
    BreakerRules &breaker = provider.breaker;
    if (is_off(arguments)) {
        breaker.failures = 0;
        return;
    }
    read_parameters(
        arguments,
        {{"failures", count_into(breaker.failures, "failures", 1, 1'000'000)},
         {"rate", [&](std::string_view value) { breaker.rate = parse_percent(value, "rate"); }},
         {"calls", count_into(breaker.min_calls, "calls", 1, 1'000'000)},
         {"window", time_into(breaker.window)},
         {"open", time_into(breaker.open)}});
}

void set_max_calls(Provider &provider, const Arguments &arguments) {
    provider.max_calls = parse_count(arguments[1], "max_calls", 1, 1'000'000);
}

void set_file_account(Provider &provider, const Arguments &arguments) {
    const std::string_view account = arguments[1];
    constexpr size_t kMax = 64;
    if (account.empty() || account.size() > kMax || !is_visible_ascii(account)) {
        throw ConfError{"invalid value \"" + std::string(account) +
                        "\", expected off or a name of up to 64 visible ASCII characters"};
    }
    provider.file_account = account;
}

void set_http(Provider &provider, const Arguments &arguments) {
    if (arguments[1] != "libcurl" && arguments[1] != "native") {
        throw ConfError{"invalid value \"" + std::string(arguments[1]) +
                        "\", expected native or libcurl"};
    }
    provider.has_native_http = arguments[1] == "native";
}

void set_trace(Provider &provider, const Arguments &arguments) {
    constexpr std::pair<std::string_view, TraceMode> kModes[] = {
        {"off", TraceMode::off}, {"parent", TraceMode::parent}, {"on", TraceMode::on}};
    for (const auto &[word, mode] : kModes) {
        if (arguments[1] == word) {
            provider.trace = mode;
            return;
        }
    }
    throw ConfError{"invalid value \"" + std::string(arguments[1]) +
                    "\", expected off, parent or on"};
}

void set_idempotency(Provider &provider, const Arguments &arguments) {
    if (arguments[1] != "on" && arguments[1] != "off") {
        throw ConfError{"invalid value \"" + std::string(arguments[1]) + "\", expected on or off"};
    }
    provider.takes_idempotency = arguments[1] == "on";
}

}  // namespace gateway

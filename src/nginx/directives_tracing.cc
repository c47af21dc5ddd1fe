// The directive that exports spans of requests and attempts.
#include <string>

#include "core/json/text.h"
#include "nginx/directive_values.h"

namespace gateway {

namespace {

constexpr std::string_view kUsualPath = "/v1/traces";
constexpr int kLargestBatch = 4096;
constexpr int kLargestQueue = 65'536;

std::string collector_of(std::string_view url) {
    const size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
    if (url.find('@') != std::string_view::npos) {
        // Not quoted: it may contain a password.
        throw ConfError{"invalid url, it must not contain a user name or password"};
    }
    const std::string_view rest = url.substr(scheme);
    if (scheme == 0 || rest.empty() || rest.front() == '/' || !is_visible_ascii(url) ||
        url.find_first_of("?#\"\\") != std::string_view::npos) {
        throw ConfError{"invalid url \"" + std::string(url) +
                        "\", expected http:// or https://, a host and perhaps a path"};
    }
    const bool has_path = rest.find('/') != std::string_view::npos;
    return std::string(url).append(has_path ? "" : kUsualPath);
}

void read_otlp(ngx_conf_t *cf, MainConf &main) {
    ExportRules rules;
    rules.url = collector_of(to_view(arguments(cf)[1]));
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        const ngx_str_t &argument = arguments(cf)[i];
        std::string_view value;
        if (take_parameter(argument, "batch", value)) {
            rules.limits.batch = static_cast<size_t>(parse_count(value, "batch", 1, kLargestBatch));
        } else if (take_parameter(argument, "queue", value)) {
            rules.limits.spans = static_cast<size_t>(parse_count(value, "queue", 1, kLargestQueue));
        } else if (take_parameter(argument, "interval", value)) {
            rules.interval = parse_time_parameter(value);
        } else if (take_parameter(argument, "service", value)) {
            rules.service = value;
        } else if (take_parameter(argument, "ca", value)) {
            rules.ca_file = full_path(cf, value);
            (void)read_file(cf, value);  // only to check that it exists
        } else {
            invalid_parameter(to_view(argument),
                              "batch=N, interval=TIME, queue=N, service=NAME or ca=FILE");
        }
    }
    if (rules.limits.batch > rules.limits.spans) {
        throw ConfError{"\"batch\" must not be greater than \"queue\""};
    }
    if (rules.service.empty() || find_bad_text(rules.service)) {
        throw ConfError{"invalid service, expected a name in UTF-8"};
    }
    main.otlp = std::move(rules);
}

constexpr Directive kTracingDirectives[] = {
    {"image_gateway_otlp", kHttp, {1, 6}, "", {read_otlp}},
};
[[gnu::used]] constexpr auto kTracingText = rows_as_text<kTracingDirectives>();

}  // namespace

std::span<const Directive> tracing_directives() {
    return kTracingDirectives;
}

}  // namespace gateway

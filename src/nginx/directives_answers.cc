// Directives for requests and responses: sizes, times, fitting, fields and buffering.
#include <string>

#include "nginx/directive_values.h"

namespace gateway {

namespace {

constexpr std::array<WordRow<FitMode>, 2> kFitModes = {{
    {"adapt", FitMode::adapt},
    {"strict", FitMode::strict},
}};

constexpr std::array<WordRow<bool>, 2> kProvenanceModes = {{
    {"off", false},
    {"require", true},
}};

UnknownFields read_unknown_fields(ngx_conf_t *cf) {
    const std::string_view mode = to_view(arguments(cf)[1]);
    UnknownFields unknown;
    if (mode == "reject") {
        unknown.mode = UnknownFields::Mode::reject;
    } else if (mode == "pass") {
        unknown.mode = UnknownFields::Mode::pass;
    } else if (mode != "drop") {
        throw ConfError{"invalid value \"" + std::string(mode) +
                        "\", expected drop, reject or pass NAME ..."};
    }
    const bool passes = unknown.mode == UnknownFields::Mode::pass;
    if (passes != (cf->args->nelts > 2)) {
        throw ConfError{passes ? "\"pass\" needs the names of the fields"
                               : "\"" + std::string(mode) + "\" takes no names"};
    }
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        const ngx_str_t &name = arguments(cf)[i];
        if (is_published_field(to_view(name))) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"%V\" is a field of the published APIs and is never passed on "
                               "unread",
                               &name);
            continue;
        }
        unknown.names.push_back(to_string(name));
    }
    return unknown;
}

// TIME [plain=off|TIME]
void read_heartbeat(ngx_conf_t *cf, LocationConf &location) {
    location.policy.heartbeat = read_time(cf);
    location.policy.plain_heartbeat.reset();
    std::string_view plain = "off";
    if (cf->args->nelts == 3 && !take_parameter(arguments(cf)[2], "plain", plain)) {
        invalid_parameter(to_view(arguments(cf)[2]), "plain=off|TIME");
    }
    if (plain != "off") {
        location.policy.plain_heartbeat = parse_time_parameter(plain);
    }
}

void inherit_heartbeat(LocationConf &location, const LocationConf &above) {
    location.policy.heartbeat = above.policy.heartbeat;
    location.policy.plain_heartbeat = above.policy.plain_heartbeat;
}

// SIZE [pixels=N] [count=N] [total=SIZE]
InputLimits read_input_limits(ngx_conf_t *cf) {
    constexpr int kMaxPixels = 1'000'000'000;
    constexpr int kMaxCount = 64;
    InputLimits limits;
    limits.image_bytes = parse_size_parameter(to_view(arguments(cf)[1]));
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "pixels", value)) {
            limits.pixels = static_cast<uint64_t>(parse_count(value, "pixels", 1, kMaxPixels));
        } else if (take_parameter(arguments(cf)[i], "count", value)) {
            limits.count = static_cast<size_t>(parse_count(value, "count", 1, kMaxCount));
        } else if (take_parameter(arguments(cf)[i], "total", value)) {
            limits.total_bytes = parse_large_size_parameter(value);
        } else {
            invalid_parameter(to_view(arguments(cf)[i]), "pixels=N, count=N or total=SIZE");
        }
    }
    return limits;
}

constexpr Directive kAnswerDirectives[] = {
    {"image_gateway_answer_max",
     kHttpServerLocation,
     {1, 1},
     "256m",
     size_value<&Policy::answer_max>},
    {"image_gateway_body_max",
     kHttpServerLocation,
     {1, 1},
     "1m",
     size_value<&LocationConf::body_max>},
    {"image_gateway_buffering", kHttpServerLocation, {1, 1}, "on", flag_value<&Policy::buffering>},
    {"image_gateway_deadline", kHttpServerLocation, {1, 1}, "590s", time_value<&Policy::deadline>},
    {"image_gateway_fit",
     kHttpServerLocation,
     {1, 1},
     "adapt",
     word_value<&Policy::fit, kFitModes>},
    {"image_gateway_heartbeat",
     kHttpServerLocation,
     {1, 2},
     "15s plain=off",
     {nullptr, read_heartbeat, inherit_heartbeat}},
    {"image_gateway_input_max",
     kHttpServerLocation,
     {1, 4},
     "50m pixels=64000000 count=16 total=64m",
     {nullptr,
      [](ngx_conf_t *cf, LocationConf &location) {
          location.policy.body.images = read_input_limits(cf);
      },
      [](LocationConf &location, const LocationConf &above) {
          location.policy.body.images = above.policy.body.images;
      }}},
    {"image_gateway_provenance",
     kHttpServerLocation,
     {1, 1},
     "off",
     word_value<&Policy::keeps_provenance, kProvenanceModes>},
    {"image_gateway_raw", kHttpServerLocation, {1, 1}, "off", flag_value<&Policy::raw>},
    {"image_gateway_unknown_fields",
     kHttpServerLocation,
     {1, kAnyNumber},
     "drop",
     value_of<&Policy::unknown_fields, read_unknown_fields>},
};
[[gnu::used]] constexpr auto kAnswerText = rows_as_text<kAnswerDirectives>();

}  // namespace

std::span<const Directive> answer_directives() {
    return kAnswerDirectives;
}

}  // namespace gateway

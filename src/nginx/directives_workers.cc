// Directives for what workers share, and for the memory of each.
#include <string>

#include "nginx/directive_values.h"
#include "nginx/provider_rules.h"
#include "nginx/zone.h"

namespace gateway {

namespace {

void read_zone(ngx_conf_t *cf, MainConf &main) {
    std::string_view zone;
    const std::string_view argument = to_view(arguments(cf)[1]);
    if (!take_parameter(arguments(cf)[1], "zone", zone)) {
        invalid_parameter(argument, "zone=NAME:SIZE");
    }
    const size_t colon = zone.find(':');
    if (colon == 0 || colon == std::string_view::npos) {
        throw ConfError{"invalid zone \"" + std::string(argument) + "\", expected zone=NAME:SIZE"};
    }
    main.zone = add_zone(cf, zone.substr(0, colon), parse_size_parameter(zone.substr(colon + 1)));
}

// "SIZE [share=N%]"
HeldMemory::Rules read_shared_limit(ngx_conf_t *cf) {
    constexpr size_t kMin = size_t{1024} * 1024;
    HeldMemory::Rules rules;
    rules.limit = parse_large_size_parameter(to_view(arguments(cf)[1]));
    if (rules.limit < kMin) {
        throw ConfError{"\"" + to_string(arguments(cf)[0]) + "\" must be at least 1m"};
    }
    std::string_view share;
    if (cf->args->nelts == 3 && !take_parameter(arguments(cf)[2], "share", share)) {
        invalid_parameter(to_view(arguments(cf)[2]), "share=N%");
    }
    if (!share.empty()) {
        rules.share = static_cast<size_t>(parse_percent(share, "share"));
    }
    return rules;
}

void read_memory(ngx_conf_t *cf, MainConf &main) {
    main.memory = read_shared_limit(cf);
}

void read_disk(ngx_conf_t *cf, MainConf &main) {
    main.disk = read_shared_limit(cf);
}

void read_state(ngx_conf_t *cf, MainConf &main) {
    StateRules &state = main.state;
    state.path = full_path(cf, to_view(arguments(cf)[1]));
    state.where = to_string(cf->conf_file->file.name) + ":" + std::to_string(cf->conf_file->line);
    for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
        std::string_view value;
        if (take_parameter(arguments(cf)[i], "keep", value)) {
            constexpr int kMaxDays = 36'500;
            state.keep_days = parse_count(value, "keep", 1, kMaxDays);
        } else if (take_parameter(arguments(cf)[i], "on_error", value)) {
            if (value != "serve" && value != "refuse") {
                throw ConfError{"invalid on_error \"" + std::string(value) +
                                "\", expected serve or refuse"};
            }
            state.refuse = value == "refuse";
        } else {
            invalid_parameter(to_view(arguments(cf)[i]), "keep=DAYS or on_error=serve|refuse");
        }
    }
}

constexpr Directive kWorkerDirectives[] = {
    {"image_gateway_accounts", kHttp, {1, kAnyNumber}, "shared_memory", {read_accounts}},
    {"image_gateway_input_disk", kHttp, {1, 2}, "4g share=25%", {read_disk}},
    {"image_gateway_memory", kHttp, {1, 2}, "512m share=25%", {read_memory}},
    {"image_gateway_state", kHttp, {1, 3}, "", {read_state}},
    {"image_gateway_zone", kHttp, {1, 1}, "zone=image_gateway:16m", {read_zone}},
};
[[gnu::used]] constexpr auto kWorkerText = rows_as_text<kWorkerDirectives>();

}  // namespace

std::span<const Directive> worker_directives() {
    return kWorkerDirectives;
}

}  // namespace gateway

// Directives of locations that show what the gateway does: metrics and the status.
#include "nginx/directive_values.h"

namespace gateway {

namespace {

bool is_on(std::string_view argument, std::string_view value) {
    if (value != "on" && value != "off") {
        throw ConfError{"invalid value \"" + std::string(argument) + "\", expected on or off"};
    }
    return value == "on";
}

ReportConf read_report(ngx_conf_t *cf, LocationConf &location, ReportConf::Kind kind,
                       const char *expected) {
    if (location.report.kind != ReportConf::Kind::none) {
        throw ConfError{
            "image_gateway, image_gateway_metrics and image_gateway_status need "
            "locations of their own"};
    }
    ReportConf report;
    report.kind = kind;
    for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
        const ngx_str_t &argument = arguments(cf)[i];
        const bool is_metrics = kind == ReportConf::Kind::metrics;
        std::string_view value;
        if (to_view(argument) == "access=open") {
            report.is_open = true;
        } else if (is_metrics && take_parameter(argument, "keys", value)) {
            report.keys = is_on(to_view(argument), value);
        } else if (is_metrics && take_parameter(argument, "gen_ai", value)) {
            report.gen_ai = is_on(to_view(argument), value);
        } else {
            invalid_parameter(to_view(argument), expected);
        }
    }
    auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    core->handler = report_handler;
    return report;
}

void read_metrics(ngx_conf_t *cf, LocationConf &location) {
    location.report =
        read_report(cf, location, ReportConf::Kind::metrics, "gen_ai=on, keys=on or access=open");
}

void read_status(ngx_conf_t *cf, LocationConf &location) {
    location.report = read_report(cf, location, ReportConf::Kind::status, "access=open");
}

constexpr Directive kReportDirectives[] = {
    {"image_gateway_metrics", kLocation, {0, 3}, "", {nullptr, read_metrics}},
    {"image_gateway_status", kLocation, {0, 1}, "", {nullptr, read_status}},
};
[[gnu::used]] constexpr auto kReportText = rows_as_text<kReportDirectives>();

}  // namespace

std::span<const Directive> report_directives() {
    return kReportDirectives;
}

}  // namespace gateway

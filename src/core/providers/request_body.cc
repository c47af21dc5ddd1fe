#include "core/providers/request_body.h"

#include <utility>
#include <variant>

namespace gateway {

void write_value(JsonWriter &out, const ParamValue &value) {
    if (const auto *text = std::get_if<std::string_view>(&value)) {
        out.string(*text);
    } else if (const auto *integer = std::get_if<int64_t>(&value)) {
        out.number(*integer);
    } else if (const auto *number = std::get_if<double>(&value)) {
        out.number(*number);
    } else {
        out.boolean(std::get<bool>(value));
    }
}

void write_param(JsonWriter &body, std::string_view name, const Params &params, Param param) {
    if (params.has(param)) {
        write_value(body.key(name), params[param]);
    }
}

void write_forwarded(JsonWriter &body, const ProviderRequest &request) {
    for (const JsonValue field : request.forwarded) {
        body.key(field.key()).exact(field);
    }
}

void set_json_body(HttpCall &call, JsonWriter &&body) {
    call.body = Bytes::copy_of(std::move(body).finish_text());
    call.add_header("Content-Type", "application/json");
}

}  // namespace gateway

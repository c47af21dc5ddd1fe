// Writes the body of a request to a provider. Values are written whole; to_json() of
// core/request/image_request.h is for adjustments, and shortens long texts.
#pragma once

#include <string_view>

#include "core/http_call.h"
#include "core/json/writer.h"
#include "core/providers/provider_request.h"
#include "core/request/image_request.h"

namespace gateway {

// `value` must not be empty.
void write_value(JsonWriter &out, const ParamValue &value);
// Writes a member of this name, if the parameter has a value.
void write_param(JsonWriter &body, std::string_view name, const Params &params, Param param);
// Writes the unknown fields that are forwarded to this provider.
void write_forwarded(JsonWriter &body, const ProviderRequest &request);

// Makes the finished document the body of the call, and adds its Content-Type.
void set_json_body(HttpCall &call, JsonWriter &&body);

}  // namespace gateway

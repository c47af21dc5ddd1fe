// The headers and the path of a request, as the core wants them.
#pragma once

#include "core/access/identify.h"
#include "nginx/ngx.h"

namespace gateway {

RequestHead read_head(ngx_http_request_t *r, bool wants_base_url);

struct Endpoint {
    enum What : uint8_t { none, generations, models, model, file } what = none;
    std::string_view name;  // of the model, or of the kept picture
};

// By the tail of the path, whatever the location's prefix.
Endpoint endpoint_of(std::string_view path);

// The model in ".../deployments/{model}/images/generations"; empty without.
std::string_view model_in_path(std::string_view path);

}  // namespace gateway

// From the body of a request to an ImageRequest, or to everything that is wrong with it.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/request/image_request.h"

namespace gateway {

// `body` must outlive the request that is made from it.
tl::expected<ImageRequest, ApiError> decode_request(std::string_view body);

// 1 to 256 visible ASCII characters.
bool is_model_name(std::string_view name);

}  // namespace gateway

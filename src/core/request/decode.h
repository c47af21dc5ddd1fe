// From the body of a request to an ImageRequest, or to everything that is wrong with it.
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/request/image_request.h"

namespace gateway {

// `body` must outlive the request that is made from it.
tl::expected<ImageRequest, ApiError> decode_request(std::string_view body);

}  // namespace gateway

// From the body of a request to an ImageRequest, or to everything that is wrong with it.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/request/image_request.h"
#include "core/request/profile.h"

namespace gateway {

// What becomes of a field that the profile does not have.
struct UnknownFields {
    enum class Mode : uint8_t { drop, reject, pass } mode = Mode::drop;
    std::vector<std::string> names;  // that may go through to a provider; all others are dropped
};

struct Contract {
    const Profile &profile;
    const UnknownFields &unknown;
    bool model_in_path = false;  // then the body need not name one
};

// `body` must outlive the request that is made from it.
tl::expected<ImageRequest, ApiError> decode_request(std::string_view body,
                                                    const Contract &contract);

// The line about a field that goes nowhere.
Adjustment not_passed(JsonValue member, std::string reason);

// 1 to 256 visible ASCII characters.
bool is_model_name(std::string_view name);

}  // namespace gateway

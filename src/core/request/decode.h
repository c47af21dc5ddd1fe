// Decodes the body of a request into an ImageRequest, or lists all problems in it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/request/image_request.h"
#include "core/request/profile.h"

namespace gateway {

// What happens to fields that the profile does not have.
struct UnknownFields {
    enum class Mode : uint8_t { drop, reject, pass } mode = Mode::drop;
    std::vector<std::string> names;  // that are forwarded; all others are dropped
};

struct Contract {
    const Profile &profile;
    const UnknownFields &unknown;
    bool model_in_path = false;  // the body need not name a model
    Operation operation = Operation::generate;
    size_t max_images = 16;  // input images
};

// The body as JSON. For a form, its text fields.
struct BodyText {
    std::string_view text;
    bool is_form = false;                    // all values are texts, and the images are files
    std::span<const FoundImage> files = {};  // of the form, or cut out of the JSON
};

// `body` must outlive the returned request.
tl::expected<ImageRequest, ApiError> decode_request(const BodyText &body, const Contract &contract);
inline tl::expected<ImageRequest, ApiError> decode_request(std::string_view body,
                                                           const Contract &contract) {
    return decode_request(BodyText{body}, contract);
}

// The adjustment for a field that is not sent.
Adjustment not_passed(JsonValue member, std::string reason);

// 1 to 256 visible ASCII characters.
bool is_model_name(std::string_view name);

}  // namespace gateway

// The input images of a request: as the request names them, and as they are once they were read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes/content.h"
#include "core/images/image_facts.h"
#include "core/images/mask.h"

namespace gateway {

// Where a request has an input image.
struct ImageReference {
    enum class Kind : uint8_t {
        file,     // of the form, or cut out of the JSON; see `index`
        text,     // a URL, a data URL or base64
        file_id,  // the id of a file that the provider has
    };
    std::string field;  // for messages: "image", "images[1].image_url"
    Kind kind = Kind::text;
    size_t index = 0;
    std::string_view text;  // of a text or an id; refers to the document
};

// An input image that was read.
struct InputImage {
    std::string field;
    Content content;
    ImageFacts facts;
    std::string file_id;  // if it is the provider's; then there is no content

    [[nodiscard]] bool has_content() const { return !content.empty(); }
};

// A file of a form, or an image that was cut out of JSON because it is long.
struct FoundImage {
    std::string field;
    Content content;
    ImageFacts facts;
    std::string problem;  // for the caller; empty: none
};

// A mask as a model takes it.
struct MaskForm {
    MaskKind kind = MaskKind::alpha;
    MaskLevels levels = MaskLevels::grey;
    friend bool operator==(const MaskForm &, const MaskForm &) = default;
};

struct ConvertedMask {
    MaskForm form;
    InputImage image;
    MaskResult result;
};

// All that the request of a caller comes with.
struct InputImages {
    std::vector<InputImage> images;
    std::optional<InputImage> mask;    // as the caller sent it
    std::vector<ConvertedMask> masks;  // for the models that may be used

    [[nodiscard]] const ConvertedMask *mask_of(const MaskForm &form) const;
};

// What is allowed, by image_gateway_input_max.
struct InputLimits {
    size_t image_bytes = size_t{50} * 1024 * 1024;
    uint64_t pixels = 64'000'000;
    size_t count = 16;
    size_t total_bytes = size_t{64} * 1024 * 1024;  // of a body with images
};

}  // namespace gateway

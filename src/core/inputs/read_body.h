// Reads the body of a request that may have input images: JSON, or multipart/form-data.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/api_error.h"
#include "core/bytes/content.h"
#include "core/images/image_inspector.h"
#include "core/inputs/spool.h"
#include "core/request/input_image.h"

namespace gateway {

// The body as nginx received it: a short one in memory, a long one in a file.
struct ReceivedBody {
    ReceivedBody() = default;
    ReceivedBody(std::string text) : text(std::move(text)) {}

    std::string text;
    std::shared_ptr<const ByteFile> file;  // null: it is in memory
    size_t size = 0;                       // of the file
    std::string content_type;              // of a form; empty: the body is JSON

    [[nodiscard]] bool is_form() const { return !content_type.empty(); }
};

// The body without its images.
struct ReadBody {
    std::string text;  // JSON; for a form, its text fields
    bool is_form = false;
    std::vector<FoundImage> files;  // of the form, or cut out of the JSON
    std::optional<ApiError> error;
};

struct BodyLimits {
    size_t text_bytes = size_t{1024} * 1024;  // of JSON without images
    InputLimits images;
};

// Whether it is JSON that is parsed as it is: short, and in memory.
bool is_plain_text(const ReceivedBody &body, const BodyLimits &limits);

// Does not block if the body is a form in memory. Otherwise it must run on the task pool. Images
// that are cut out of JSON go to a file of `spool`.
ReadBody read_body(const ReceivedBody &body, const BodyLimits &limits, const SpoolFiles *spool);

// Of a file whose bytes have all been fed. Without a size if its header is damaged.
ImageFacts facts_from(ImageInspector &inspector);

// Decodes an image that is written as base64 or as a data URL. Images of a file come from
// read_body().
FoundImage read_image_text(std::string field, std::string_view text);

}  // namespace gateway

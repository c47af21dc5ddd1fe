// Reads the fields of a request that have input images.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_error.h"
#include "core/json/document.h"
#include "core/request/input_image.h"

namespace gateway {

// All of them mean the same. Separated by spaces.
inline constexpr std::string_view kInputImageFields =
    "image images input_images input_references reference_images";
inline constexpr std::string_view kMaskField = "mask";
bool is_input_image_field(std::string_view name);         // one of these, or the mask
inline constexpr std::string_view kImageField = "image";  // of files in a form, and in messages

// The image fields of a form are files. In JSON, a value is a string (a URL, a data URL or base64),
// an object with one of image_url, url, b64_json and file_id, or a list of both. `cut_out` is the
// number of strings that were cut out of the JSON; "@2" stands for the third of them.
class ImageFieldReader {
 public:
    ImageFieldReader(size_t cut_out, size_t max_count) : cut_out_(cut_out), max_(max_count) {}

    void read(std::string_view field, JsonValue value);

    std::vector<ImageReference> images;
    std::vector<ImageReference> masks;
    std::vector<Problem> problems;

 private:
    void read_list(std::string_view field, JsonValue list);
    void read_one(const std::string &field, JsonValue value, std::vector<ImageReference> &into);
    void read_object(const std::string &field, JsonValue value, std::vector<ImageReference> &into);
    void problem(const std::string &field, std::string code, std::string message);

    size_t cut_out_;
    size_t max_;
};

}  // namespace gateway

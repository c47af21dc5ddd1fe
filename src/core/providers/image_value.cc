#include "core/providers/image_value.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/bytes/base64.h"
#include "core/images/base64_stream.h"
#include "core/images/sniff.h"
#include "core/json/text.h"

namespace gateway {

namespace {

bool fits_in_json(std::string_view text) {
    constexpr char kDelete = 0x7f;
    return plain_front(text) == text.size() && text.find(' ') == std::string_view::npos &&
           text.find(kDelete) == std::string_view::npos;
}

// The text, if it may be sent by reference; else empty.
Bytes content_of(JsonValue value) {
    if (const LiftedString *lifted = value.lifted()) {
        return lifted->plain ? lifted->content : Bytes();
    }
    const std::string_view text = value.string();
    return fits_in_json(text) ? Bytes::own(std::string(text)) : Bytes();
}

std::string without_escapes(std::string text) {
    std::erase(text, '\\');  // plain content has no escape but "\/"
    return text;
}

// The offset of the base64 behind "data:image/png;base64,"; 0 if there is no such prefix.
size_t data_prefix(std::string_view front) {
    if (!front.starts_with("data:")) {
        return 0;
    }
    const size_t comma = front.find(',');
    return comma == std::string_view::npos ? 0 : comma + 1;
}

// The content without its prefix, and what its first bytes say.
Image begin_image(JsonValue value, bool *has_prefix) {
    Image image;
    image.content = content_of(value);
    constexpr size_t kLongestPrefix = 256;
    constexpr size_t kSniffed = 32;  // characters, each of which may be escaped
    std::string front = image.content.copy(kLongestPrefix);
    const size_t prefix = data_prefix(front);
    *has_prefix = prefix != 0;
    if (prefix != 0) {
        image.content = image.content.part(prefix);
        front = image.content.copy(kSniffed);
    }
    front.resize(std::min(front.size(), kSniffed));
    image.format = sniff(decode_base64_front(without_escapes(std::move(front))));
    return image;
}

// Whether all of it is base64. Adds missing padding.
bool make_sound(Image &image, const LiftedString *lifted, bool has_prefix) {
    const bool is_looked_at = lifted != nullptr && !has_prefix;
    if (is_looked_at && lifted->passed) {
        return true;  // all of it was checked while it was passed through; only its beginning is
                      // here
    }
    if (is_looked_at ? !lifted->base64 : !is_base64_text(image.content)) {
        return false;
    }
    const auto missing = missing_padding(image.content, lifted == nullptr || lifted->escaped);
    if (missing && *missing > 0) {
        image.content.append(std::string(*missing, '='));
    }
    return missing.has_value();
}

}  // namespace

std::optional<Image> read_base64_image(JsonValue value) {
    bool has_prefix = false;
    Image image = begin_image(value, &has_prefix);
    if (image.format == ImageFormat::unknown || !make_sound(image, value.lifted(), has_prefix)) {
        return std::nullopt;
    }
    return image;
}

bool begins_as_image(JsonValue value) {
    bool has_prefix = false;
    return begin_image(value, &has_prefix).format != ImageFormat::unknown;
}

std::optional<Image> read_image_link(JsonValue value) {
    Image image;
    image.form = Image::Form::url;
    image.content = content_of(value);
    constexpr size_t kLongest = size_t{16} * 1024;  // signed links have a few thousand characters
    if (image.content.size() > kLongest) {
        return std::nullopt;
    }
    const std::string front = without_escapes(image.content.copy(16));
    if (!front.starts_with("https://") && !front.starts_with("http://")) {
        return std::nullopt;
    }
    return image;
}

std::optional<Image> read_image_body(const HttpResponse &response) {
    if (response.status != 200 || response.image.empty()) {
        return std::nullopt;
    }
    Image image;
    image.content = response.image;
    return image;
}

}  // namespace gateway

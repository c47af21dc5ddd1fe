#include "core/providers/image_value.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/images/base64.h"
#include "core/images/sniff.h"
#include "core/json/text.h"

namespace gateway {

namespace {

bool fits_in_json(std::string_view text) {
    return is_visible_ascii(text) && text.find_first_of("\"\\") == std::string_view::npos;
}

// The text as it may be passed on by reference; empty when it may not.
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

// Where the picture begins behind "data:image/png;base64,"; 0 when there is no such prefix.
size_t data_prefix(std::string_view front) {
    if (!front.starts_with("data:")) {
        return 0;
    }
    const size_t comma = front.find(',');
    return comma == std::string_view::npos ? 0 : comma + 1;
}

}  // namespace

std::optional<Image> read_base64_image(JsonValue value) {
    Image image;
    image.content = content_of(value);
    constexpr size_t kFront = 256;
    std::string front = image.content.copy(kFront);
    if (const size_t prefix = data_prefix(front); prefix != 0) {
        image.content = image.content.part(prefix);
        front = image.content.copy(kFront);
    }
    image.format = sniff(decode_base64_front(without_escapes(std::move(front))));
    if (image.format == ImageFormat::unknown) {
        return std::nullopt;
    }
    return image;
}

std::optional<Image> read_image_link(JsonValue value) {
    Image image;
    image.form = Image::Form::url;
    image.content = content_of(value);
    const std::string front = without_escapes(image.content.copy(16));
    if (!front.starts_with("https://") && !front.starts_with("http://")) {
        return std::nullopt;
    }
    return image;
}

std::optional<Image> read_picture(const HttpReply &reply) {
    if (reply.picture.empty()) {
        return std::nullopt;
    }
    Image image;
    image.content = reply.picture;
    return image;
}

}  // namespace gateway

#include "core/providers/image_inputs.h"

#include <utility>

namespace gateway {

void JsonBody::image(const InputImage &image, ImageText as) {
    out_.open_string();
    body_.append(out_.take());
    if (as == ImageText::data_url) {
        body_.append("data:" + media_type_of(image.facts.format) + ";base64,");
    }
    body_.append(image.content, true);
    out_.close_string();
}

void JsonBody::move_into(HttpCall &call) && {
    if (body_.empty()) {
        call.body = Bytes::copy_of(std::move(out_).finish_text());  // in memory of exactly its size
    } else {
        body_.append(out_.take());
        call.body = std::move(body_);
    }
    call.add_header("Content-Type", "application/json");
}

std::string media_type_of(ImageFormat format) {
    return "image/" + std::string(format == ImageFormat::unknown ? "png" : name_of(format));
}

std::string file_name_of(std::string_view stem, ImageFormat format) {
    std::string name(stem);
    return name.append(".").append(format == ImageFormat::unknown ? "png" : name_of(format));
}

}  // namespace gateway

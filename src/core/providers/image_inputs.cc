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

void write_input_images(JsonBody &body, const CallInputs &inputs, ImageText as) {
    const InputSpec &spec = *inputs.spec;
    const std::string_view name = spec.field.empty() ? "image" : std::string_view(spec.field);
    if (spec.is_list) {
        body.out().key(name).open_array();
        for (const InputImage &image : inputs.images) {
            body.image(image, as);
        }
        body.out().close_array();
    } else {
        std::string numbered(name);
        for (size_t i = 0; i < inputs.images.size(); ++i) {
            if (i > 0) {
                numbered.resize(name.size());
                numbered.append("_").append(std::to_string(i + 1));
            }
            body.out().key(numbered);
            body.image(inputs.images[i], as);
        }
    }
    if (inputs.mask != nullptr) {
        body.out().key(spec.mask_field.empty() ? "mask" : std::string_view(spec.mask_field));
        body.image(*inputs.mask, as);
    }
}

std::string media_type_of(ImageFormat format) {
    return "image/" + std::string(format == ImageFormat::unknown ? "png" : name_of(format));
}

std::string file_name_of(std::string_view stem, ImageFormat format) {
    std::string name(stem);
    return name.append(".").append(format == ImageFormat::unknown ? "png" : name_of(format));
}

}  // namespace gateway

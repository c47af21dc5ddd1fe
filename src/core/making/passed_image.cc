#include "core/making/passed_image.h"

#include "core/images/check_images.h"

namespace gateway {

void PassedImage::take(const Bytes &piece) {
    if (!has_begun() && !piece.slices().empty()) {
        begins_at_ = piece.slices().front().text.data();
    }
    for (const Slice &slice : piece.slices()) {
        inspector_.feed(slice.text);
    }
}

bool PassedImage::complete(Image &image) {
    if (image.content.empty() || image.form != Image::Form::base64 ||
        image.content.slices().front().text.data() != begins_at_) {
        return false;
    }
    const auto missing = inspector_.missing_padding();
    const auto facts = missing ? inspector_.finish(*missing) : std::nullopt;
    if (!facts) {
        return false;
    }
    not_padded_ = *missing;
    set_facts(image, *facts);
    return facts->whole;
}

}  // namespace gateway

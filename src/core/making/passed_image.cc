#include "core/making/passed_image.h"

#include <algorithm>

#include "core/images/base64.h"
#include "core/images/base64_stream.h"
#include "core/images/image_end.h"

namespace gateway {

namespace {

constexpr size_t kTail = kTailOfImage / 3 * 4;  // characters

}  // namespace

// Counts the escape "\/" as one character.
void PassedImage::take(const Bytes &piece) {
    if (!has_begun() && !piece.slices().empty()) {
        begins_at_ = piece.slices().front().text.data();
    }
    for (const Slice &slice : piece.slices()) {
        const auto escapes = std::count(slice.text.begin(), slice.text.end(), '\\');
        characters_ += slice.text.size() - static_cast<size_t>(escapes);
        padding_ += slice.text.ends_with("==") ? 2 : slice.text.ends_with('=') ? 1 : 0;
        tail_ += slice.text.substr(slice.text.size() - std::min(slice.text.size(), 2 * kTail));
    }
    std::erase(tail_, '\\');
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kTail));
}

bool PassedImage::complete(Image &image) {
    if (image.content.empty() || image.form != Image::Form::base64 ||
        image.content.slices().front().text.data() != begins_at_) {
        return false;
    }
    const size_t missing = (4 - characters_ % 4) % 4;
    if (missing + padding_ > 2) {
        return false;
    }
    const std::string end = tail_ + std::string(missing, '=');
    const std::string tail = decode_base64_front(end.substr(end.size() % 4));
    image.bytes = (characters_ + missing) / 4 * 3 - std::min(characters_, padding_ + missing);
    not_padded_ = missing;
    std::string front = image.content.copy(2 * kTail);
    std::erase(front, '\\');
    return has_end(image.format, decode_base64_front(front), tail, image.bytes);
}

}  // namespace gateway

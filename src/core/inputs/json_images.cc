#include "core/inputs/json_images.h"

#include <algorithm>

#include "core/request/decode_images.h"

namespace gateway {

namespace {

constexpr size_t kMaxKey = 64;  // the names of image fields are shorter

}  // namespace

bool JsonImages::feed(std::string_view piece) {
    while (!piece.empty() && !stopped_) {
        stopped_ = !(in_string_ ? take_string(piece) : take_text(piece)) || is_too_large();
    }
    return !stopped_;
}

// Everything outside of strings, up to the quote that begins the next one.
bool JsonImages::take_text(std::string_view &piece) {
    const char c = piece.front();
    switch (c) {
        case '"':
            in_string_ = true;
            is_key_ = depth_ == 1 && expects_key_;
            string_start_ = outline_.size() + 1;
            break;
        case '{':
        case '[':
            ++depth_;
            expects_key_ = depth_ == 1 && c == '{';
            break;
        case '}':
        case ']': depth_ -= depth_ > 0 ? 1 : 0; break;
        case ',': expects_key_ = depth_ == 1; break;
        case ':': expects_key_ = depth_ == 1 ? false : expects_key_; break;
        default: break;
    }
    outline_ += c;
    piece.remove_prefix(1);
    return true;
}

bool JsonImages::take_string(std::string_view &piece) {
    size_t end = 0;
    for (; end < piece.size(); ++end) {
        if (after_backslash_) {
            after_backslash_ = false;
            continue;
        }
        // The characters of base64 are passed over quickly.
        end = std::min(piece.find_first_of("\"\\", end), piece.size());
        if (end == piece.size() || piece[end] == '"') {
            break;
        }
        after_backslash_ = true;
    }
    const bool is_over = end < piece.size();
    const std::string_view text = piece.substr(0, end);
    piece.remove_prefix(end + (is_over ? 1 : 0));
    if (!pass(text)) {
        return false;
    }
    if (is_over) {
        const bool was_cut = is_cut_;
        end_string();
        return !was_cut || listener_.on_string_end();
    }
    return true;
}

bool JsonImages::may_cut() const {
    return depth_ >= 1 && !is_key_ && is_input_image_field(key_);
}

bool JsonImages::pass(std::string_view text) {
    if (is_cut_) {
        return text.empty() || listener_.on_string_data(text);
    }
    outline_.append(text);
    const size_t length = outline_.size() - string_start_;
    if (length <= kMaxInline || !may_cut()) {
        return true;
    }
    is_cut_ = true;
    const std::string begun = outline_.substr(string_start_);
    outline_.resize(string_start_);
    return listener_.on_string(key_) && listener_.on_string_data(begun);
}

void JsonImages::end_string() {
    if (is_cut_) {
        outline_.append("@").append(std::to_string(cuts_++));
    } else if (is_key_) {
        key_ = outline_.substr(string_start_, kMaxKey);
    }
    outline_ += '"';
    in_string_ = false;
    is_cut_ = false;
}

}  // namespace gateway

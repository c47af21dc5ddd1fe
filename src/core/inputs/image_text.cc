#include "core/inputs/image_text.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace gateway {

namespace {

constexpr std::string_view kScheme = "data:";
constexpr size_t kMaxPrefix = 256;
constexpr const char *kNotBase64 = "is not valid base64";

constexpr std::array<bool, 256> kAlphabet = [] {
    std::array<bool, 256> letters{};
    for (const char c :
         std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")) {
        letters[static_cast<unsigned char>(c)] = true;
    }
    return letters;
}();

bool is_letter(char c) {
    return kAlphabet[static_cast<unsigned char>(c)];
}

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

}  // namespace

void ImageText::feed(std::string_view piece, std::string &bytes) {
    if (place_ != Place::base64) {
        piece = take_prefix(piece);
    }
    collect(piece);
    decode(waiting_.size() / 4 * 4, bytes);
}

// Returns what follows the prefix. Nothing while it is not known whether there is one.
std::string_view ImageText::take_prefix(std::string_view piece) {
    while (!piece.empty() && place_ != Place::base64 && !is_broken()) {
        const char c = piece.front();
        piece.remove_prefix(1);
        prefix_ += c;
        if (place_ == Place::start) {
            if (in_lower_case(prefix_) == kScheme) {
                place_ = Place::prefix;
            } else if (in_lower_case(prefix_) != kScheme.substr(0, prefix_.size())) {
                place_ = Place::base64;  // what looked like the scheme is base64
                collect(prefix_);
            }
        } else if (c == ',') {
            check_prefix();
            place_ = Place::base64;
        } else if (prefix_.size() > kMaxPrefix) {
            fail("is a data URL without data");
        }
    }
    return place_ == Place::base64 ? piece : std::string_view();
}

void ImageText::check_prefix() {
    if (!in_lower_case(prefix_).ends_with(";base64,")) {
        fail("is a data URL that is not base64");
    }
}

void ImageText::collect(std::string_view piece) {
    while (!piece.empty() && !is_broken()) {
        const auto *const stop = std::find_if_not(piece.begin(), piece.end(), is_letter);
        const auto run = static_cast<size_t>(stop - piece.begin());
        if (run > 0 && padding_ == 0 && (!after_backslash_ || piece.front() == '/')) {
            after_backslash_ = false;
            waiting_.append(piece.substr(0, run));
            characters_ += run;
            piece.remove_prefix(run);
            continue;
        }
        const char c = piece.front();
        piece.remove_prefix(1);
        if (c == '\\' && !after_backslash_) {
            after_backslash_ = true;
        } else if (c == '=' && padding_ < 2 && !after_backslash_) {
            ++padding_;
        } else {
            fail(kNotBase64);
        }
    }
}

// `count` is a multiple of four.
void ImageText::decode(size_t count, std::string &bytes) {
    if (count == 0 || is_broken()) {
        return;
    }
    const size_t start = bytes.size();
    bytes.resize(start + count / 4 * 3);
    (void)EVP_DecodeBlock(reinterpret_cast<unsigned char *>(bytes.data() + start),
                          reinterpret_cast<const unsigned char *>(waiting_.data()),
                          static_cast<int>(count));
    waiting_.erase(0, count);
}

// Padding may be missing, but not wrong.
std::string ImageText::finish(std::string &bytes) {
    if (place_ == Place::start && !is_broken()) {
        place_ = Place::base64;
        collect(prefix_);
    }
    const size_t missing = (4 - characters_ % 4) % 4;
    if (!is_broken() && (place_ == Place::prefix || after_backslash_ || missing == 3 ||
                         (padding_ != 0 && padding_ != missing))) {
        fail(kNotBase64);
    }
    if (!is_broken() && characters_ == 0) {
        fail("is empty");
    }
    if (!is_broken()) {
        waiting_.append(missing, 'A');
        decode(waiting_.size(), bytes);
        bytes.resize(bytes.size() - missing);
    }
    return problem_;
}

void ImageText::fail(const char *problem) {
    if (problem_.empty()) {
        problem_ = problem;
    }
    waiting_.clear();
}

}  // namespace gateway

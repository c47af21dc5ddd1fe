// Reads facts from an image in base64 that arrives in pieces: the content of JSON strings, in which
// "\/" stands for "/". Decodes only the headers, which it finds by their position in the text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/images/base64_stream.h"
#include "core/images/image_walk.h"

namespace gateway {

// The segments of a JPEG are read up to here.
inline constexpr size_t kMaxInspected = size_t{512} * 1024;

class Base64Inspector {
 public:
    // The next characters. How the text is cut into pieces makes no difference.
    void feed(std::string_view text);

    // Whether the first bytes are not those of an image, so that the rest is of no interest.
    [[nodiscard]] bool is_no_image() const;
    // Characters of padding that the text lacks at its end; nothing if its length is impossible.
    [[nodiscard]] std::optional<size_t> missing_padding() const;

    // Call it once, after the last piece. `padding` is what the text lacks and will be given. The
    // characters between the headers are not checked.
    // Returns nothing as ImageInspector does, and if the text stops being base64 before the image's
    // size is known. A JPEG that has no size before kMaxInspected has none: 0 by 0.
    std::optional<ImageFacts> finish(size_t padding = 0);

 private:
    static constexpr size_t kTail = kTailOfImage / 3 * 4;

    void walk(std::string_view text, bool is_escaped);
    void begin_skip();
    void skip(std::string_view *text, bool is_escaped);
    void decode(std::string_view *text, bool is_escaped);
    size_t gather(std::string_view *text, bool is_escaped, std::span<char> into);
    void keep_tail(std::string_view text, bool is_escaped);
    void stop_at_limit();
    [[nodiscard]] size_t padding() const;
    [[nodiscard]] std::string decode_tail(size_t padding) const;

    ImageWalk walk_;
    uint64_t position_ = 0;    // of the next byte to decode
    uint64_t characters_ = 0;  // without escapes
    uint64_t skip_ = 0;        // characters to pass over
    size_t batch_ = 0;         // bytes to decode next; grows while nothing is passed over
    size_t grouped_ = 0;
    std::array<char, 4> group_{};  // the first characters of a group that has not arrived yet
    std::array<char, kTail> tail_{};
    bool after_backslash_ = false;
    bool has_stopped_ = false;   // the rest is only counted
    bool has_given_up_ = false;  // because of kMaxInspected
};

}  // namespace gateway

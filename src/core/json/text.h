// Checks of text: strict UTF-8, with characters counted as code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway {

// The length in bytes of the well-formed UTF-8 character at the front of `text`; 0 if there is
// none. Overlong forms, surrogates and values beyond U+10FFFF are not well-formed.
size_t utf8_character(std::string_view text);

// The offset of the first of these errors in a JSON document: a byte that is not UTF-8; an escaped
// lone surrogate, which yajl would silently replace by '?'; an escape after `most_escapes` others.
std::optional<size_t> find_bad_text(std::string_view document, size_t max_escapes = SIZE_MAX);

// At most the first `max` bytes. Does not cut a character in half.
std::string_view front_of(std::string_view text, size_t max);

// The number of code points in well-formed UTF-8.
size_t count_characters(std::string_view text);

// The number of characters from the start of the text on that a JSON string holds as they are:
// ASCII without control characters, quotes and backslashes.
size_t plain_front(std::string_view text);

// Whether the text is visible ASCII without spaces, as an id in a header must be.
bool is_visible_ascii(std::string_view text);

}  // namespace gateway

// What counts as text: strict UTF-8, and characters counted as code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace gateway {

// Length in bytes of the well-formed UTF-8 character at the front of `text`, 0 if there is none.
// Overlong forms, surrogates and values beyond U+10FFFF are not well-formed.
size_t utf8_character(std::string_view text);

// Offset of the first byte that keeps this JSON document from being text: bytes that are no UTF-8,
// or an escaped lone surrogate, which yajl would silently turn into '?'; or the first escape beyond
// so many.
std::optional<size_t> find_bad_text(std::string_view document, size_t most_escapes = SIZE_MAX);

// At most `most` bytes from the front, without cutting a character in half.
std::string_view front_of(std::string_view text, size_t most);

// Code points in well-formed UTF-8.
size_t count_characters(std::string_view text);

// Visible ASCII, space excluded: what an id in a header may consist of.
bool is_visible_ascii(std::string_view text);

}  // namespace gateway

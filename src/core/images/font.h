// The font of the placeholder image, built in so that no font needs to be installed. Its width is
// fixed: capitals have 5 by 7 pixels, and two more rows are for descenders.
#pragma once

#include <array>
#include <cstdint>

namespace gateway {

inline constexpr int kGlyphColumns = 5;
inline constexpr int kGlyphRows = 9;
inline constexpr int kCapitalRows = 7;

// The glyph for characters that are not printable ASCII: a hollow box.
inline constexpr char kBoxGlyph = '\x7f';

// Rows from the top; bit 4 is the leftmost column, bit 0 the rightmost.
using Glyph = std::array<uint8_t, kGlyphRows>;

const Glyph &glyph(char character) noexcept;

}  // namespace gateway

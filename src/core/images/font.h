// Letters for the placeholder picture, drawn here so that no font has to be installed: fixed width,
// 5 by 7 pixels for capitals and two more rows for what hangs below the line.
#pragma once

#include <array>
#include <cstdint>

namespace gateway {

inline constexpr int kGlyphColumns = 5;
inline constexpr int kGlyphRows = 9;
inline constexpr int kCapitalRows = 7;

// Drawn for all that is not printable ASCII: a hollow box.
inline constexpr char kBoxGlyph = '\x7f';

// Rows from the top; bit 4 is the leftmost column, bit 0 the rightmost.
using Glyph = std::array<uint8_t, kGlyphRows>;

const Glyph &glyph(char character) noexcept;

}  // namespace gateway

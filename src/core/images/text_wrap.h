// Converts untrusted bytes to text that the font can draw, one byte per character, and breaks it
// into lines and blocks of limited size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/images/font.h"

namespace gateway {

// The distance from one letter to the next and the gap between two lines, in units of the scale.
inline constexpr int kAdvance = kGlyphColumns + 1;
inline constexpr int kLineGap = 2;

int text_width(size_t characters, int scale);
int columns_in(int width, int scale);
int lines_in(int height, int scale);

// Returns one byte per character; each byte has a glyph. White space becomes one space. Each other
// character that is not printable ASCII becomes one box.
std::string drawable_text(std::string_view text);

struct WrappedText {
    std::vector<std::string> lines;
    bool whole = true;  // if false, the text was shortened and ends in an ellipsis
};

// Breaks lines between words, and inside words that are longer than a line. `text` is the output of
// drawable_text().
WrappedText wrap_text(std::string_view text, int columns, int max_lines);

struct TextLine {
    std::string text;
    int top;  // distance from the top of the block
    int scale;
    uint8_t ink;
};

struct TextBlock {
    std::vector<TextLine> lines;
    int height = 0;
    int padding = 0;
};

// Adds as many lines as fit.
void add_lines(TextBlock &block, std::vector<std::string> lines, int max_height, int gap, int scale,
               uint8_t ink);

}  // namespace gateway

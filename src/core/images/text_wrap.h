// Any bytes, however hostile, as text that can be drawn with the font: one byte for each character,
// in lines that are not too long and blocks that are not too high.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/images/font.h"

namespace gateway {

// From one letter to the next and between two lines, in units of a letter's scale.
inline constexpr int kAdvance = kGlyphColumns + 1;
inline constexpr int kLineGap = 2;

int text_width(size_t characters, int scale);
int columns_in(int width, int scale);
int lines_in(int height, int scale);

// One byte for each character, and each byte has a glyph: white space becomes one space, what is
// not printable ASCII a box, one for a whole UTF-8 sequence.
std::string drawable_text(std::string_view text);

struct WrappedText {
    std::vector<std::string> lines;
    bool whole = true;  // otherwise it ends in an ellipsis
};

// Breaks between words, and inside those that are longer than a line. `text` comes from
// drawable_text().
WrappedText wrap_text(std::string_view text, int columns, int most_lines);

struct TextLine {
    std::string text;
    int top;  // from the top of its block
    int scale;
    uint8_t ink;
};

struct TextBlock {
    std::vector<TextLine> lines;
    int height = 0;
    int padding = 0;
};

// Adds as much as there is room for.
void add_lines(TextBlock &block, std::vector<std::string> lines, int most_height, int gap,
               int scale, uint8_t ink);

}  // namespace gateway

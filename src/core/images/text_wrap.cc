#include "core/images/text_wrap.h"

#include <algorithm>
#include <utility>

namespace gateway {

int text_width(size_t characters, int scale) {
    return (static_cast<int>(characters) * kAdvance - 1) * scale;
}

int columns_in(int width, int scale) {
    return (width + scale) / (kAdvance * scale);
}

int lines_in(int height, int scale) {
    return (height + kLineGap * scale) / ((kGlyphRows + kLineGap) * scale);
}

std::string drawable_text(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    int rest = 0;  // continuation bytes that are still expected
    for (char character : text) {
        auto byte = static_cast<uint8_t>(character);
        if (rest > 0 && (byte & 0xc0U) == 0x80) {
            --rest;
            continue;
        }
        rest = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
        if (byte == ' ' || (byte >= '\t' && byte <= '\r')) {
            if (!result.empty() && result.back() != ' ') {
                result.push_back(' ');
            }
        } else {
            result.push_back(byte > ' ' && byte < kBoxGlyph ? character : kBoxGlyph);
        }
    }
    if (!result.empty() && result.back() == ' ') {
        result.pop_back();
    }
    return result;
}

WrappedText wrap_text(std::string_view text, int columns, int max_lines) {
    WrappedText result;
    auto across = static_cast<size_t>(std::max(columns, 1));
    while (!text.empty() && static_cast<int>(result.lines.size()) < max_lines) {
        size_t end = text.size();
        size_t next = end;
        if (end > across) {
            size_t space = text.rfind(' ', across);
            bool breaks = space != std::string_view::npos;
            end = breaks ? space : across;
            next = breaks ? space + 1 : across;
        }
        result.lines.emplace_back(text.substr(0, end));
        text.remove_prefix(next);
    }
    result.whole = text.empty();
    if (!result.whole && !result.lines.empty()) {
        std::string &last = result.lines.back();
        constexpr std::string_view kEllipsis = "...";
        last.resize(std::min(last.size(), across - std::min(across, kEllipsis.size())));
        last += kEllipsis.substr(0, across);
    }
    return result;
}

void add_lines(TextBlock &block, std::vector<std::string> lines, int max_height, int gap, int scale,
               uint8_t ink) {
    for (std::string &line : lines) {
        int top = block.height + gap;
        if (top + kGlyphRows * scale > max_height) {
            return;
        }
        block.lines.push_back({std::move(line), top, scale, ink});
        block.height = top + kGlyphRows * scale;
        gap = kLineGap * scale;
    }
}

}  // namespace gateway

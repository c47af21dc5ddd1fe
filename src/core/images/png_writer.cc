#include "core/images/png_writer.h"

#include <zlib.h>

#include <cstddef>
#include <new>
#include <string_view>

#include "core/images/flat_rows.h"

namespace gateway {
namespace {

constexpr size_t kMaxColours = 256;

void append_number(std::string &out, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out += static_cast<char>(number >> shift);
    }
}

void append_chunk(std::string &out, std::string_view type, std::string_view data) {
    append_number(out, static_cast<uint32_t>(data.size()));
    const size_t begin = out.size();
    out.append(type).append(data);
    const auto *bytes = reinterpret_cast<const Bytef *>(out.data() + begin);
    append_number(out,
                  static_cast<uint32_t>(crc32(0, bytes, static_cast<uInt>(out.size() - begin))));
}

std::string header_of(const Canvas &canvas) {
    std::string header;
    append_number(header, static_cast<uint32_t>(canvas.width()));
    append_number(header, static_cast<uint32_t>(canvas.height()));
    // 8 bits for each pixel, which is a place in the palette; deflate; no interlacing.
    constexpr char kForm[] = {8, 3, 0, 0, 0};
    return header.append(kForm, sizeof(kForm));
}

void append_palette(std::string &out, std::span<const Colour> palette) {
    std::string colours;
    std::string alpha;
    bool transparent = false;
    for (const Colour &colour : palette) {
        for (const uint8_t channel : {colour.red, colour.green, colour.blue}) {
            colours += static_cast<char>(channel);
        }
        alpha += static_cast<char>(colour.alpha);
        transparent = transparent || colour.alpha != 255;
    }
    append_chunk(out, "PLTE", colours);
    if (transparent) {
        append_chunk(out, "tRNS", alpha);
    }
}

std::string encode_whole(const Canvas &canvas, std::span<const Colour> palette,
                         std::span<const PngLabel> labels) {
    std::string bytes = "\x89PNG\r\n\x1a\n";
    append_chunk(bytes, "IHDR", header_of(canvas));
    append_palette(bytes, palette);
    for (const PngLabel &label : labels) {
        append_chunk(bytes, "tEXt", std::string(label.keyword).append(1, '\0').append(label.text));
    }
    append_chunk(bytes, "IDAT", compress_rows(canvas));
    append_chunk(bytes, "IEND", "");
    return bytes;
}

}  // namespace

std::string encode_png(const Canvas &canvas, std::span<const Colour> palette,
                       std::span<const PngLabel> labels) {
    if (canvas.width() <= 0 || canvas.height() <= 0 || palette.empty() ||
        palette.size() > kMaxColours) {
        return {};
    }
    try {
        return encode_whole(canvas, palette, labels);
    } catch (const std::bad_alloc &) {
        return {};
    }
}

}  // namespace gateway

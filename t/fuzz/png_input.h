// PNG files for the fuzz targets: with the right checksums, and made of parts, so that the fuzzer
// gets as far as to the pixels.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.h"
#include "png_files.h"

namespace gateway {

inline uint32_t number_at(std::string_view file, size_t at) {
    uint32_t number = 0;
    for (size_t i = 0; i < 4; ++i) {
        number = number << 8 | static_cast<uint8_t>(file[at + i]);
    }
    return number;
}

inline std::string with_right_checksums(std::string_view bytes) {
    std::string file(bytes);
    size_t at = kPngSignature.size();
    while (at + 12 <= file.size()) {
        const size_t size = number_at(file, at);
        if (size > file.size() - at - 12) {
            break;
        }
        const std::string chunk = png_chunk(file.substr(at + 4, 4), file.substr(at + 8, size));
        file.replace(at, chunk.size(), chunk);
        at += chunk.size();
    }
    return file;
}

// A zlib stream without compression, which takes far less time.
inline std::string stored(std::string_view text) {
    std::string stream = "\x78\x01";
    const auto sum = static_cast<uint32_t>(
        adler32(1, reinterpret_cast<const Bytef *>(text.data()), static_cast<uInt>(text.size())));
    do {
        const std::string_view part = text.substr(0, 65535);
        text.remove_prefix(part.size());
        stream += static_cast<char>(text.empty() ? 1 : 0);
        for (const size_t size : {part.size(), ~part.size()}) {
            stream += static_cast<char>(size);
            stream += static_cast<char>(size >> 8);
        }
        stream += part;
    } while (!text.empty());
    return stream + big_endian_text(sum);
}

// A file of this size. The first bytes choose its kind; the rest is its palette, transparency,
// colour chunks and compressed pixels.
inline std::string made_png(Input &input, uint32_t width, uint32_t height) {
    constexpr std::array<int, 8> kTypes = {0, 2, 3, 4, 6, 6, 3, 0};
    constexpr std::array<int, 8> kDepths = {1, 2, 4, 8, 8, 16, 8, 4};
    constexpr std::array<const char *, 4> kChunks = {"gAMA", "sRGB", "cICP", "cHRM"};
    const uint8_t kind = input.byte();
    const uint8_t more = input.byte();
    std::string file = std::string(kPngSignature) +
                       png_ihdr(width, height, kDepths[kind >> 3 & 7], kTypes[kind & 7], kind >> 7);
    const std::string_view rest = input.rest();
    if ((more & 8) != 0) {
        file += png_chunk(kChunks[more >> 4 & 3], rest.substr(0, more >> 5));
    }
    if ((more & 16) != 0) {
        file += png_chunk("iCCP", std::string("a\0\0", 3) + stored(rest.substr(0, 200)));
    }
    if ((more & 1) != 0) {
        file += png_chunk("PLTE", rest.substr(0, (1 + more % 64) * 3));
    }
    if ((more & 2) != 0) {
        file += png_chunk("tRNS", rest.substr(0, more % 16));
    }
    std::string pixels(rest);
    if ((more & 4) != 0) {  // enough of them
        pixels.resize(size_t{height + 2} * (width * 8 + 8), '\1');
    }
    file += png_chunk("IDAT", stored(pixels));
    return file + png_chunk("IEND", "");
}

}  // namespace gateway

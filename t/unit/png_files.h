// Makes PNG files of every kind by libpng, and says what their pixels are, without libpng: by the
// definitions of the PNG specification. Reads written files by libpng's simplified interface, which
// the gateway does not use.
#pragma once

#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

using Rgba = std::array<uint8_t, 4>;

// The samples of an image of one colour type and bit depth, row by row.
struct PngSamples {
    uint32_t width = 1;
    uint32_t height = 1;
    int colour_type = PNG_COLOR_TYPE_RGBA;
    int bit_depth = 8;
    bool interlaced = false;
    std::vector<uint16_t> values = {};
    std::vector<Rgba> palette = {};    // its alpha is written as tRNS if `transparent`
    bool transparent = false;          // has tRNS
    std::array<uint16_t, 3> key = {};  // of grey (the first) and RGB: the transparent colour
    std::vector<std::pair<std::string, std::string>> chunks = {};       // before the pixels
    std::vector<std::pair<std::string, std::string>> late_chunks = {};  // after them

    [[nodiscard]] size_t channels() const {
        switch (colour_type) {
            case PNG_COLOR_TYPE_GRAY_ALPHA: return 2;
            case PNG_COLOR_TYPE_RGB: return 3;
            case PNG_COLOR_TYPE_RGBA: return 4;
            default: return 1;
        }
    }
    [[nodiscard]] bool has_alpha() const {
        return transparent || (colour_type & PNG_COLOR_MASK_ALPHA) != 0;
    }
    [[nodiscard]] const uint16_t *pixel(uint32_t x, uint32_t y) const {
        return values.data() + (size_t{y} * width + x) * channels();
    }
};

inline uint8_t to_8_bits(uint16_t value, int depth) {
    const double max = std::pow(2, depth) - 1;
    return static_cast<uint8_t>(std::lround(value * 255 / max));
}

inline Rgba pixel_of(const PngSamples &image, uint32_t x, uint32_t y) {
    const uint16_t *v = image.pixel(x, y);
    const auto scaled = [&](size_t i) { return to_8_bits(v[i], image.bit_depth); };
    const auto keyed = [&](size_t count) {
        return image.transparent && std::equal(v, v + count, image.key.begin());
    };
    switch (image.colour_type) {
        case PNG_COLOR_TYPE_PALETTE: {
            Rgba colour = image.palette.at(v[0]);
            colour[3] = image.transparent ? colour[3] : 255;
            return colour;
        }
        case PNG_COLOR_TYPE_GRAY:
            return {scaled(0), scaled(0), scaled(0), static_cast<uint8_t>(keyed(1) ? 0 : 255)};
        case PNG_COLOR_TYPE_GRAY_ALPHA: return {scaled(0), scaled(0), scaled(0), scaled(1)};
        case PNG_COLOR_TYPE_RGB:
            return {scaled(0), scaled(1), scaled(2), static_cast<uint8_t>(keyed(3) ? 0 : 255)};
        default: return {scaled(0), scaled(1), scaled(2), scaled(3)};
    }
}

inline void append_to_string(png_structp png, png_bytep data, size_t size) {
    static_cast<std::string *>(png_get_io_ptr(png))->append(reinterpret_cast<char *>(data), size);
}

// The bytes of a row as libpng takes them; samples below 8 bits are packed by libpng.
inline std::vector<uint8_t> row_bytes(const PngSamples &image, uint32_t y) {
    std::vector<uint8_t> row;
    const uint16_t *values = image.pixel(0, y);
    for (size_t i = 0; i < image.width * image.channels(); ++i) {
        if (image.bit_depth == 16) {
            row.push_back(static_cast<uint8_t>(values[i] >> 8));
        }
        row.push_back(static_cast<uint8_t>(values[i]));
    }
    return row;
}

inline std::string make_png(const PngSamples &image, int level = 6) {
    std::string bytes;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &bytes, append_to_string, [](png_structp) {});
    png_set_compression_level(png, level);
    png_set_IHDR(png, info, image.width, image.height, image.bit_depth, image.colour_type,
                 image.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    std::vector<png_color> colours;
    std::vector<png_byte> alphas;
    for (const Rgba &colour : image.palette) {
        colours.push_back({colour[0], colour[1], colour[2]});
        alphas.push_back(colour[3]);
    }
    if (!colours.empty()) {
        png_set_PLTE(png, info, colours.data(), static_cast<int>(colours.size()));
    }
    if (image.transparent) {
        png_color_16 key = {};
        key.gray = key.red = image.key[0];
        key.green = image.key[1];
        key.blue = image.key[2];
        png_set_tRNS(png, info, alphas.data(), static_cast<int>(alphas.size()), &key);
    }
    png_write_info_before_PLTE(png, info);
    for (const auto &[name, data] : image.chunks) {
        png_write_chunk(png, reinterpret_cast<png_const_bytep>(name.data()),
                        reinterpret_cast<png_const_bytep>(data.data()), data.size());
    }
    png_write_info(png, info);
    png_set_packing(png);
    const int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; ++pass) {
        for (uint32_t y = 0; y < image.height; ++y) {
            std::vector<uint8_t> row = row_bytes(image, y);
            png_write_row(png, row.data());
        }
    }
    for (const auto &[name, data] : image.late_chunks) {
        png_write_chunk(png, reinterpret_cast<png_const_bytep>(name.data()),
                        reinterpret_cast<png_const_bytep>(data.data()), data.size());
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return bytes;
}

// An 8-bit image whose pixels a function names.
inline PngSamples rgba_image(uint32_t width, uint32_t height,
                             const std::function<Rgba(uint32_t x, uint32_t y)> &colour) {
    PngSamples image{.width = width, .height = height};
    for (uint32_t y = 0; y < height; ++y) {
        for (uint32_t x = 0; x < width; ++x) {
            const Rgba rgba = colour(x, y);
            image.values.insert(image.values.end(), rgba.begin(), rgba.end());
        }
    }
    return image;
}

// Random samples; a third of the pixels have the transparent colour, where there is one.
inline PngSamples random_image(std::mt19937 &random, uint32_t width, uint32_t height,
                               int colour_type, int bit_depth, bool interlaced, bool transparent) {
    PngSamples image{.width = width,
                     .height = height,
                     .colour_type = colour_type,
                     .bit_depth = bit_depth,
                     .interlaced = interlaced,
                     .transparent = transparent};
    const uint32_t levels = 1U << bit_depth;
    uint32_t values = levels;
    if (colour_type == PNG_COLOR_TYPE_PALETTE) {
        values = 1 + static_cast<uint32_t>(random() % levels);
        for (uint32_t i = 0; i < values; ++i) {
            image.palette.push_back({static_cast<uint8_t>(random()), static_cast<uint8_t>(random()),
                                     static_cast<uint8_t>(random()),
                                     static_cast<uint8_t>(random())});
        }
    }
    for (uint16_t &key : image.key) {
        key = static_cast<uint16_t>(random() % levels);
    }
    const bool keyed = transparent && colour_type != PNG_COLOR_TYPE_PALETTE;
    for (size_t i = 0; i < size_t{width} * height; ++i) {
        const bool has_key = keyed && random() % 3 == 0;
        for (size_t channel = 0; channel < image.channels(); ++channel) {
            image.values.push_back(has_key ? image.key[channel]
                                           : static_cast<uint16_t>(random() % values));
        }
    }
    return image;
}

struct PngKind {
    int colour_type;
    int bit_depth;
    bool interlaced;
    bool transparent;  // by tRNS
};

// All kinds that the specification allows.
inline std::vector<PngKind> all_png_kinds() {
    std::vector<PngKind> kinds;
    const auto add = [&](int colour_type, const std::vector<int> &depths) {
        for (const int depth : depths) {
            for (const bool interlaced : {false, true}) {
                kinds.push_back({colour_type, depth, interlaced, false});
                if ((colour_type & PNG_COLOR_MASK_ALPHA) == 0) {
                    kinds.push_back({colour_type, depth, interlaced, true});
                }
            }
        }
    };
    add(PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16});
    add(PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8});
    add(PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16});
    add(PNG_COLOR_TYPE_RGB, {8, 16});
    add(PNG_COLOR_TYPE_RGBA, {8, 16});
    return kinds;
}

// A file as libpng's simplified interface reads it.
struct ReadPng {
    uint32_t width = 0;
    uint32_t height = 0;
    int colour_type = 0;  // from its header
    int bit_depth = 0;
    std::vector<Rgba> pixels;

    [[nodiscard]] const Rgba &at(uint32_t x, uint32_t y) const {
        return pixels.at(size_t{y} * width + x);
    }
};

// Only of files without gamma and profiles: the interface would convert them.
inline std::optional<ReadPng> read_png(std::string_view bytes) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    if (bytes.size() < 33 ||
        png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
        return std::nullopt;
    }
    image.format = PNG_FORMAT_RGBA;
    ReadPng read{image.width,
                 image.height,
                 static_cast<uint8_t>(bytes[25]),
                 static_cast<uint8_t>(bytes[24]),
                 {}};
    read.pixels.resize(size_t{image.width} * image.height);
    if (png_image_finish_read(&image, nullptr, read.pixels.data(), 0, nullptr) == 0) {
        return std::nullopt;
    }
    return read;
}

inline std::string big_endian_text(uint32_t value) {
    std::string text;
    for (int shift = 24; shift >= 0; shift -= 8) {
        text += static_cast<char>(value >> shift);
    }
    return text;
}

inline std::string png_chunk(std::string_view name, std::string_view data) {
    const std::string text = std::string(name) + std::string(data);
    const auto crc = static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef *>(text.data()), static_cast<uInt>(text.size())));
    return big_endian_text(static_cast<uint32_t>(data.size())) + text + big_endian_text(crc);
}

inline constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

inline std::string png_ihdr(uint32_t width, uint32_t height, int bit_depth, int colour_type,
                            int interlace = 0) {
    return png_chunk("IHDR", big_endian_text(width) + big_endian_text(height) +
                                 static_cast<char>(bit_depth) + static_cast<char>(colour_type) +
                                 std::string(2, '\0') + static_cast<char>(interlace));
}

inline std::string deflated(std::string_view text, int level = 9) {
    std::string packed(compressBound(text.size()), '\0');
    uLongf size = packed.size();
    compress2(reinterpret_cast<Bytef *>(packed.data()), &size,
              reinterpret_cast<const Bytef *>(text.data()), text.size(), level);
    packed.resize(size);
    return packed;
}

}  // namespace gateway

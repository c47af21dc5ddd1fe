// Image files made by hand: headers as real files have them, and data that nobody decodes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gateway::files {

using namespace std::string_literals;

inline std::string big(uint64_t value, size_t count) {
    std::string bytes;
    while (count-- > 0) {
        bytes += static_cast<char>(value >> (8 * count));
    }
    return bytes;
}

inline std::string little(uint64_t value, size_t count) {
    const std::string bytes = big(value, count);
    return {bytes.rbegin(), bytes.rend()};
}

// ---- EXIF ----

// TIFF data with an IFD behind `gap` bytes: two entries around the orientation.
inline std::string tiff(int orientation, bool is_little, size_t gap = 0) {
    const auto number = [=](uint64_t value, size_t count) {
        return is_little ? little(value, count) : big(value, count);
    };
    const auto entry = [&](uint32_t tag, uint32_t type, const std::string &value) {
        return number(tag, 2) + number(type, 2) + number(1, 4) + value;
    };
    return (is_little ? "II" : "MM") + number(42, 2) + number(8 + gap, 4) + std::string(gap, 'g') +
           number(3, 2) + entry(0x10f, 2, "abcd") +
           entry(0x112, 3, number(static_cast<uint64_t>(orientation), 2) + "\0\0"s) +
           entry(0x128, 3, number(2, 2) + "\0\0"s) + number(0, 4);
}

// ---- C2PA ----

inline std::string manifest_store() {
    const std::string description =
        big(30, 4) + "jumd" + "c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"s + "\x03"s + "c2pa\0"s;
    return big(8 + description.size() + 4, 4) + "jumb" + description + "more";
}

// ---- PNG ----

inline std::string png_chunk(const std::string &name, const std::string &data) {
    return big(data.size(), 4) + name + data + "sum.";
}

inline const std::string kPngEnd = "\0\0\0\0IEND\xae\x42\x60\x82"s;

inline std::string png(uint32_t width, uint32_t height, const std::string &before = {},
                       const std::string &after = {}, int colour_type = 2,
                       const std::string &data = "data") {
    return "\x89PNG\r\n\x1a\n"s +
           png_chunk("IHDR", big(width, 4) + big(height, 4) + '\x08' +
                                 static_cast<char>(colour_type) + "\0\0\0"s) +
           before + png_chunk("IDAT", data) + png_chunk("IDAT", "more") + after + kPngEnd;
}

// ---- JPEG ----

inline std::string segment(uint32_t marker, const std::string &content) {
    return "\xff" + big(marker, 1) + big(content.size() + 2, 2) + content;
}

inline std::string frame(uint32_t width, uint32_t height, uint32_t marker = 0xc0) {
    return segment(marker, "\x08" + big(height, 2) + big(width, 2) +
                               "\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"s);
}

inline std::string jpeg(const std::string &segments) {
    return "\xff\xd8" + segments + segment(0xda, "\x03\x01\0\x02\x11\x03\x11\0\x3f\0"s) +
           "scan\xff\xd9";
}

inline std::string exif_segment(const std::string &data) {
    return segment(0xe1, "Exif\0\0"s + data);
}

// APP11 with a part of a JUMBF box.
inline std::string jumbf_segment(const std::string &box, uint32_t number = 1) {
    return segment(0xeb, "JP" + big(0x211, 2) + big(number, 4) + box);
}

// ---- WebP ----

inline std::string riff_chunk(const std::string &name, const std::string &data) {
    return name + little(data.size(), 4) + data + (data.size() % 2 != 0 ? "\0"s : ""s);
}

inline std::string webp(const std::string &chunks) {
    return "RIFF" + little(chunks.size() + 4, 4) + "WEBP" + chunks;
}

inline std::string vp8(uint32_t width, uint32_t height) {
    return riff_chunk("VP8 ",
                      "\x10\x02\0\x9d\x01\x2a"s + little(width, 2) + little(height, 2) + "more!");
}

inline std::string vp8l(uint32_t width, uint32_t height, bool has_alpha) {
    const uint32_t bits = (width - 1) | (height - 1) << 14 | (has_alpha ? 1U << 28 : 0);
    return riff_chunk("VP8L", "\x2f" + little(bits, 4));
}

inline std::string vp8x(uint32_t width, uint32_t height, int flags) {
    return riff_chunk("VP8X", static_cast<char>(flags) + "\0\0\0"s + little(width - 1, 3) +
                                  little(height - 1, 3));
}

// ---- GIF ----

inline std::string gif_image(uint32_t side) {
    return "\x2c\0\0\0\0"s + little(side, 2) + little(side, 2) + "\x81"s + std::string(12, 'c') +
           "\x02\x03xyz\x01q\0"s;
}

inline std::string gif_control(bool is_transparent) {
    return "\x21\xf9\x04"s + (is_transparent ? '\x01' : '\x04') + "\0\0\0\0"s;
}

inline std::string gif(uint32_t width, uint32_t height, const std::string &blocks,
                       bool has_table = true) {
    return "GIF89a" + little(width, 2) + little(height, 2) + (has_table ? '\xf2' : '\x02') +
           "\0\0"s + (has_table ? std::string(24, 't') : "") + blocks + ";";
}

inline std::string gif_application(const std::string &id, const std::string &data) {
    return "\x21\xff\x0b"s + id + static_cast<char>(data.size()) + data + "\0"s;
}

// ---- AVIF and HEIC ----

inline std::string box(const std::string &name, const std::string &content) {
    return big(8 + content.size(), 4) + name + content;
}

inline std::string full_box(const std::string &name, const std::string &content,
                            uint32_t version_and_flags = 0) {
    return box(name, big(version_and_flags, 4) + content);
}

inline std::string ftyp(const std::string &main, const std::string &compatible) {
    return box("ftyp", main + "\0\0\0\0"s + compatible);
}

inline std::string ispe(uint32_t width, uint32_t height) {
    return full_box("ispe", big(width, 4) + big(height, 4));
}

inline std::string aux_type(const std::string &name) {
    return full_box("auxC", name + '\0');
}

inline const std::string kAlphaName = "urn:mpeg:mpegB:cicp:systems:auxiliary:alpha";
inline const std::string kC2paUuid =
    "\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81"s;

struct Association {
    uint32_t image = 0;
    std::vector<uint32_t> properties;
};

inline std::string ipma(const std::vector<Association> &associations, bool long_ids = false,
                        bool long_indexes = false) {
    std::string content = big(associations.size(), 4);
    for (const Association &association : associations) {
        content += big(association.image, long_ids ? 4 : 2);
        content += static_cast<char>(association.properties.size());
        for (const uint32_t property : association.properties) {
            content += long_indexes ? big(property | 0x8000, 2) : big(property, 1);
        }
    }
    return full_box("ipma", content, (long_ids ? 1U << 24 : 0) | (long_indexes ? 1 : 0));
}

inline std::string pitm(uint32_t primary, bool is_long = false) {
    return full_box("pitm", big(primary, is_long ? 4 : 2), is_long ? 1U << 24 : 0);
}

inline std::string meta(const std::string &properties, const std::string &associations,
                        const std::string &primary = pitm(1)) {
    return full_box("meta", full_box("hdlr", "\0\0\0\0pict"s + std::string(13, '\0')) + primary +
                                full_box("iinf", "\0\0"s) +
                                box("iprp", box("ipco", properties) + associations) +
                                full_box("iref", ""));
}

inline std::string heif(const std::string &meta_box, const std::string &brand = "avif",
                        const std::string &before = {}) {
    return ftyp(brand, "mif1" + brand + "miaf") + before + meta_box + box("mdat", "coded image");
}

}  // namespace gateway::files

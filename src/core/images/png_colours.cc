#include "core/images/png_colours.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/bytes/sha256.h"
#include "core/images/byte_order.h"

namespace gateway {
namespace {

using namespace std::string_view_literals;

constexpr int kMaxChunksBeforePixels = 1000;
constexpr size_t kMaxColourChunk = size_t{1} << 20;
constexpr size_t kMaxProfile = size_t{4} << 20;

// The values of sRGB: a gamma of 1/2.2, and the chromaticities of BT.709, in units of 1/100000.
constexpr std::string_view kGammaOfSrgb = "\0\0\xb1\x8f"sv;
constexpr std::string_view kPointsOfSrgb =
    "\0\0\x7a\x26\0\0\x80\x84\0\0\xfa\0\0\0\x80\xe8\0\0\x75\x30\0\0\xea\x60\0\0\x3a\x98\0\0\x17\x70"sv;
// BT.709 primaries, the transfer function of sRGB, RGB, full range (ITU-T H.273).
constexpr std::string_view kCicpOfSrgb = "\x01\x0d\0\x01"sv;

bool is_colour_chunk(std::string_view name) {
    return name == "cICP" || name == "iCCP" || name == "sRGB" || name == "gAMA" || name == "cHRM";
}

const std::string *chunk_named(const PngColours &colours, std::string_view name) {
    for (const auto &chunk : colours.chunks) {
        if (chunk.name == name) {
            return &chunk.bytes;
        }
    }
    return nullptr;
}

struct Inflater {
    Inflater() = default;
    Inflater(const Inflater &) = delete;
    Inflater &operator=(const Inflater &) = delete;
    ~Inflater() { inflateEnd(&stream); }

    z_stream stream = {};
};

// Empty if it is not compressed data, or too large.
std::string inflated(std::string_view packed) {
    Inflater inflater;
    z_stream &stream = inflater.stream;
    if (inflateInit(&stream) != Z_OK) {
        return {};
    }
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    std::array<char, 16384> piece;
    int result = Z_OK;
    while (result == Z_OK && text.size() <= kMaxProfile) {
        stream.next_out = reinterpret_cast<Bytef *>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        result = inflate(&stream, Z_NO_FLUSH);
        text.append(piece.data(), piece.size() - stream.avail_out);
    }
    return result == Z_STREAM_END ? text : std::string();
}

// A name of up to 79 letters, a zero, the compression method 0, and the compressed profile.
std::string profile_of(std::string_view chunk) {
    const size_t end = chunk.find('\0');
    if (end > 79 || end + 2 > chunk.size() || chunk[end + 1] != '\0') {
        return {};
    }
    return inflated(chunk.substr(end + 2));
}

// Reads exactly so many bytes.
bool read_part(ByteSource &source, uint64_t offset, std::span<uint8_t> into, PngFailure &failure) {
    std::optional<size_t> count;
    try {
        count = source.read(offset, into);
    } catch (...) {
        count.reset();
    }
    if (!count) {
        failure = {PngProblem::source_failed, "it cannot be read"};
    } else if (*count != into.size()) {
        failure = {PngProblem::broken, "it is truncated"};
    }
    return count && *count == into.size();
}

struct ChunkHead {
    uint32_t size = 0;
    std::string name;
};

bool read_head(ByteSource &source, uint64_t offset, ChunkHead &head, PngFailure &failure) {
    std::array<uint8_t, 8> bytes{};
    if (!read_part(source, offset, bytes, failure)) {
        return false;
    }
    const std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    head.size = big_endian(text, 0, 4);
    head.name = text.substr(4);
    if (head.size > 0x7fffffff || (is_colour_chunk(head.name) && head.size > kMaxColourChunk)) {
        failure = {PngProblem::broken, "a chunk is too large"};
        return false;
    }
    return true;
}

// The colour chunks before the pixels. Of two with the same name, the first counts.
bool gather_chunks(ByteSource &source, PngColours &colours, PngFailure &failure) {
    uint64_t offset = 8;
    ChunkHead head;
    for (int chunks = 0; chunks < kMaxChunksBeforePixels; ++chunks) {
        if (!read_head(source, offset, head, failure)) {
            return false;
        }
        if (head.name == "IDAT" || head.name == "IEND") {
            return true;
        }
        if (is_colour_chunk(head.name) && chunk_named(colours, head.name) == nullptr) {
            std::string bytes(head.size, '\0');
            if (!read_part(source, offset + 8,
                           {reinterpret_cast<uint8_t *>(bytes.data()), bytes.size()}, failure)) {
                return false;
            }
            colours.chunks.push_back({head.name, std::move(bytes)});
        }
        offset += uint64_t{12} + head.size;
    }
    failure = {PngProblem::broken, "it has too many chunks before its pixels"};
    return false;
}

bool read_profile(const std::string &chunk, PngColours &colours, PngFailure &failure) {
    constexpr size_t kHeaderOfProfile = 128;
    const std::string profile = profile_of(chunk);
    if (profile.size() < kHeaderOfProfile) {
        failure = {PngProblem::broken, "its colour profile is broken"};
        return false;
    }
    colours.has_profile_of_other_model = profile.compare(16, 4, "RGB ") != 0;
    colours.space = "iCCP " + to_hex(sha256(profile));
    return true;
}

}  // namespace

// PNG specification, third edition, "Colour space": cICP wins, then iCCP, then sRGB.
bool read_png_colours(ByteSource &source, PngColours &colours, PngFailure &failure) {
    if (!gather_chunks(source, colours, failure)) {
        return false;
    }
    colours.space = "sRGB";
    if (const std::string *cicp = chunk_named(colours, "cICP")) {
        if (*cicp != kCicpOfSrgb) {
            colours.space = "cICP " + *cicp;
        }
        return true;
    }
    if (const std::string *profile = chunk_named(colours, "iCCP")) {
        return read_profile(*profile, colours, failure);
    }
    const std::string *gamma = chunk_named(colours, "gAMA");
    const std::string *points = chunk_named(colours, "cHRM");
    if (chunk_named(colours, "sRGB") == nullptr &&
        ((gamma != nullptr && *gamma != kGammaOfSrgb) ||
         (points != nullptr && *points != kPointsOfSrgb))) {
        colours.space = "gAMA " + (gamma == nullptr ? "" : *gamma) + " cHRM " +
                        (points == nullptr ? "" : *points);
    }
    return true;
}

}  // namespace gateway

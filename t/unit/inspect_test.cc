// Facts from an image's header: real images, handmade ones, truncated ones, and other data that
// resembles them.
#include "core/images/inspect.h"

#include <gtest/gtest.h>

#include <random>

#include "core/bytes/base64.h"
#include "core/images/image_header.h"
#include "core/images/png_writer.h"

namespace gateway {
namespace {

using namespace std::string_literals;

std::string big(uint32_t value, size_t count) {
    std::string bytes;
    while (count-- > 0) {
        bytes += static_cast<char>(value >> (8 * count));
    }
    return bytes;
}

std::string little(uint32_t value, size_t count) {
    const std::string bytes = big(value, count);
    return {bytes.rbegin(), bytes.rend()};
}

std::string png(uint32_t width, uint32_t height) {
    return "\x89PNG\r\n\x1a\n"s + big(13, 4) + "IHDR" + big(width, 4) + big(height, 4) +
           "\x08\x02\0\0\0"s + "sum." + "\0\0\0\1IDATx"s;
}

std::string gif(uint32_t width, uint32_t height) {
    return "GIF89a" + little(width, 2) + little(height, 2) + "\xf0\0\0"s + "more";
}

std::string webp(std::string_view name, const std::string &chunk) {
    const auto size = static_cast<uint32_t>(chunk.size());
    return "RIFF" + little(size + 12, 4) + "WEBP" + std::string(name) + little(size, 4) + chunk;
}

std::string vp8(uint32_t width, uint32_t height) {
    return webp("VP8 ", "\x10\x02\0\x9d\x01\x2a"s + little(width, 2) + little(height, 2) + "more");
}

std::string vp8l(uint32_t width, uint32_t height, uint32_t alpha_and_version = 1) {
    const uint32_t bits = (width - 1) | (height - 1) << 14 | alpha_and_version << 28;
    return webp("VP8L", "\x2f" + little(bits, 4) + "more");
}

std::string vp8x(uint32_t width, uint32_t height) {
    return webp("VP8X", "\x10\0\0\0"s + little(width - 1, 3) + little(height - 1, 3));
}

std::string segment(uint32_t marker, const std::string &content) {
    return "\xff" + big(marker, 1) + big(static_cast<uint32_t>(content.size() + 2), 2) + content;
}

std::string frame(uint32_t width, uint32_t height, uint32_t marker = 0xc0) {
    return segment(marker, "\x08" + big(height, 2) + big(width, 2) +
                               "\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"s);
}

const std::string kScan = segment(0xda, "\x03\x01\0\x02\x11\x03\x11\0\x3f\0"s) + "scan\xff\xd9";

std::string jpeg(const std::string &segments) {
    return "\xff\xd8" + segments + kScan;
}

std::string with_escaped_slashes(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '/' ? "\\/" : std::string(1, c);
    }
    return escaped;
}

Bytes in_slices(std::string_view text, size_t size) {
    Bytes bytes;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        bytes.append(std::string(text.substr(0, size)));
    }
    return bytes;
}

std::optional<ImageFacts> inspect_file(std::string_view file) {
    return inspect(Bytes::own(encode_base64(file)));
}

std::string description_of(const std::optional<ImageFacts> &facts) {
    return !facts ? "nothing"
                  : std::string(name_of(facts->format)) + " " + std::to_string(facts->width) + "x" +
                        std::to_string(facts->height) + " in " + std::to_string(facts->bytes);
}

std::string what_is(std::string_view file) {
    return description_of(inspect_file(file));
}

std::string in_bytes(std::string_view facts, const std::string &file) {
    return std::string(facts) + " in " + std::to_string(file.size());
}

#define EXPECT_FACTS(file, facts) EXPECT_EQ(what_is(file), in_bytes(facts, file))

std::vector<std::string> every_kind() {
    return {png(1024, 768),
            gif(320, 200),
            vp8(640, 480),
            vp8l(640, 480),
            vp8x(640, 480),
            jpeg(segment(0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0"s) + segment(0xdb, std::string(65, 'q')) +
                 frame(800, 600))};
}

TEST(Inspect, KnowsARealPng) {
    for (const auto &[width, height] : {std::pair(1, 1), {300, 200}, {1, 5000}}) {
        const Colour grey[] = {{128, 128, 128}};
        const PngLabel labels[] = {{"Title", "a cat"}};
        const std::string file = encode_png(Canvas(width, height), grey, labels);
        EXPECT_FACTS(file, "png " + std::to_string(width) + "x" + std::to_string(height));
    }
}

TEST(Inspect, KnowsEveryFormat) {
    EXPECT_FACTS(png(1024, 768), "png 1024x768");
    EXPECT_FACTS(png(0x7fffffff, 1), "png 2147483647x1");
    EXPECT_FACTS(gif(320, 200), "gif 320x200");
    EXPECT_FACTS(gif(65535, 65535), "gif 65535x65535");
    EXPECT_FACTS("GIF87a\1\0\2\0\0\0\0"s, "gif 1x2");
    EXPECT_FACTS(vp8(640, 480), "webp 640x480");
    EXPECT_FACTS(vp8(0x4000 | 16383, 0xc000 | 1), "webp 16383x1");  // with bits of scaling
    EXPECT_FACTS(vp8l(1, 16384), "webp 1x16384");
    EXPECT_FACTS(vp8l(16384, 1, 0), "webp 16384x1");
    EXPECT_FACTS(vp8l(1000, 999), "webp 1000x999");
    EXPECT_FACTS(vp8x(1, 1 << 24), "webp 1x16777216");
    EXPECT_FACTS(vp8x(70000, 60000), "webp 70000x60000");
    EXPECT_FACTS(jpeg(frame(1, 65535)), "jpeg 1x65535");
    // One grey pixel, in the layout of a JFIF file, up to the frame.
    const std::string table = "\xff\xdb\0\x43\0"s + std::string(64, '\1');
    EXPECT_FACTS("\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"s + table +
                     "\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0"s,
                 "jpeg 1x1");
}

TEST(Inspect, KnowsEveryFrameOfAJpegAndNothingElseForOne) {
    for (uint32_t marker = 0xc0; marker <= 0xcf; ++marker) {
        const bool is_frame = marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
        const std::string file = jpeg(frame(7, 8, marker) + frame(9, 10));
        EXPECT_FACTS(file, is_frame ? "jpeg 7x8" : "jpeg 9x10") << marker;
    }
    for (const uint32_t marker : {0xdbU, 0xddU, 0xe0U, 0xe1U, 0xefU, 0xfeU, 0x02U}) {
        EXPECT_FACTS(jpeg(frame(7, 8, marker) + frame(9, 10)), "jpeg 9x10");
    }
}

TEST(Inspect, WalksOverWhateverStandsBeforeTheFrame) {
    const std::string thumbnail = jpeg(frame(160, 120));
    EXPECT_FACTS(jpeg(segment(0xe1, "Exif\0\0"s + thumbnail) + frame(4000, 3000)),
                 "jpeg 4000x3000");
    std::string profiles;
    for (int i = 0; i < 6; ++i) {
        profiles += segment(0xe2, "ICC_PROFILE\0"s + std::string(65500, '\xff'));
    }
    EXPECT_FACTS(jpeg(profiles + frame(30, 20)), "jpeg 30x20");
    for (size_t fill = 0; fill < 500; fill += 1 + fill / 5) {
        const std::string fills(fill, '\xff');
        EXPECT_FACTS(jpeg(fills + segment(0xe0, "x") + fills + frame(30, 20)), "jpeg 30x20");
    }
    EXPECT_FACTS(jpeg("\xff\x01\xff\xd0\xff\xd7" + frame(30, 20)), "jpeg 30x20");
    EXPECT_FACTS(jpeg(segment(0xe0, "") + frame(30, 20)), "jpeg 30x20");
    // As libjpeg does.
    EXPECT_FACTS(jpeg(segment(0xe0, "x") + "rubbish\0\0\xff\0\0"s + frame(30, 20)), "jpeg 30x20");
}

TEST(Inspect, FindsNothingInAHeaderThatCannotBe) {
    std::string long_header = png(3, 4);
    long_header[11] = 14;
    std::string other_chunk = png(3, 4);
    other_chunk[12] = 'X';
    std::string not_a_key_frame = vp8(3, 4);
    not_a_key_frame[20] |= 1;
    std::string no_start_code = vp8(3, 4);
    no_start_code[23] = 0;
    std::string no_signature = vp8l(3, 4);
    no_signature[20] = 0;
    std::string short_chunk = vp8x(3, 4);
    short_chunk[16] = 9;
    std::string strange_chunk = vp8x(3, 4);
    strange_chunk[15] = 'Y';
    std::string odd_frame = jpeg(frame(3, 4));
    odd_frame[5] = 18;
    for (const std::string &file : {png(0, 4),
                                    png(4, 0),
                                    png(0x80000000, 4),
                                    png(4, 0xffffffff),
                                    long_header,
                                    other_chunk,
                                    gif(0, 4),
                                    gif(4, 0),
                                    vp8(0, 4),
                                    vp8(4, 0x4000),
                                    not_a_key_frame,
                                    no_start_code,
                                    vp8l(3, 4, 2),
                                    vp8l(3, 4, 8),
                                    no_signature,
                                    vp8x(1 << 24, 1 << 24),
                                    vp8x(65536, 65536),
                                    short_chunk,
                                    strange_chunk,
                                    jpeg(frame(0, 4)),
                                    jpeg(frame(4, 0)),
                                    odd_frame,
                                    jpeg(segment(0xc0, "")),
                                    jpeg(""),
                                    jpeg("\xff\xd9"),
                                    jpeg("\xff\xe0\0\1"s + frame(3, 4)),
                                    jpeg("\xff\xe0\0\0"s + frame(3, 4)),
                                    jpeg(segment(0xc0, "\x08\0\4\0\3\0"s)),
                                    ""s,
                                    "<svg/>"s,
                                    "BM"s,
                                    "\xff\xd8\xff"s,
                                    "\xff\xd8\xff\xff"s,
                                    "GIF89a"s,
                                    "\xff\xd8\xff\xe0"s + std::string(100, '\0')}) {
        EXPECT_EQ(what_is(file), "nothing") << testing::PrintToString(file);
    }
}

TEST(Inspect, FindsNothingInAHeaderThatIsCutOffAndTheSameInAnyThatIsNot) {
    // Where each header is all there: IHDR and its sum, the logical screen, the sides, the frame.
    const size_t sizes[] = {33, 13, 30, 25, 30, 2 + 18 + 69 + 19};
    const auto files = every_kind();
    for (size_t i = 0; i < files.size(); ++i) {
        const auto whole = inspect_file(files[i]);
        ASSERT_TRUE(whole);
        for (size_t size = 0; size <= files[i].size(); ++size) {
            const auto facts = inspect_file(std::string_view(files[i]).substr(0, size));
            ASSERT_EQ(facts.has_value(), size >= sizes[i]) << name_of(whole->format) << size;
            if (facts) {
                EXPECT_EQ(facts->width, whole->width);
                EXPECT_EQ(facts->height, whole->height);
                EXPECT_EQ(facts->bytes, size);
            }
        }
    }
}

TEST(Inspect, LooksAtTextThatIsCutOffAnywhere) {
    for (const std::string &file : every_kind()) {
        const std::string text = encode_base64(file);
        const auto whole = inspect_file(file);
        for (size_t size = 0; size < text.size(); ++size) {
            const auto facts = inspect(Bytes::own(text.substr(0, size)));
            if (facts) {
                EXPECT_EQ(facts->width, whole->width);
                EXPECT_EQ(facts->height, whole->height);
            }
        }
    }
}

TEST(Inspect, FindsTheSameHoweverTheTextIsSlicedAndEscaped) {
    std::vector<std::string> files = every_kind();
    files.push_back(jpeg(segment(0xe1, std::string(60000, '\xff')) + frame(3, 4)));
    for (const std::string &file : files) {
        const std::string text = encode_base64(file);
        const std::string escaped = with_escaped_slashes(text);
        for (const size_t size : {1U, 2U, 3U, 5U, 17U, 1000U}) {
            EXPECT_EQ(description_of(inspect(in_slices(text, size))), what_is(file));
            EXPECT_EQ(description_of(inspect(in_slices(escaped, size))), what_is(file));
        }
    }
}

TEST(Inspect, SaysNothingOfWhatComesBehindTheHeader) {
    const std::string text = encode_base64(png(3, 4) + std::string(3000, 'x'));
    EXPECT_TRUE(inspect(Bytes::own(text + "!!!!")));
    EXPECT_FALSE(inspect(Bytes::own("!" + text)));
    EXPECT_FALSE(inspect(Bytes::own(text.substr(0, 20) + " " + text.substr(20))));
}

// A JPEG whose frame begins at `at`.
std::string jpeg_with_frame_at(size_t at) {
    std::string file = "\xff\xd8";
    while (at - file.size() > 65537 + 4) {
        file += segment(0xe1, std::string(65533, 'x'));
    }
    if (const size_t left = at - file.size(); left > 65537) {
        file += segment(0xe1, "");
    }
    file += segment(0xe1, std::string(at - file.size() - 4, 'x'));
    return file + frame(30, 20);
}

TEST(Inspect, LooksNoFurtherThanItsLimit) {
    for (const size_t before : {1000U, 100U, 11U, 10U}) {
        const std::string file = jpeg_with_frame_at(kMaxInspected - before);
        EXPECT_FACTS(file + "more", "jpeg 30x20") << before;
    }
    for (const size_t before : {9U, 2U, 1U, 0U}) {
        const std::string file = jpeg_with_frame_at(kMaxInspected - before);
        EXPECT_FACTS(file + "more", "jpeg 0x0") << before;
    }
    for (const size_t behind : {1U, 100U, 100000U}) {
        EXPECT_FACTS(jpeg_with_frame_at(kMaxInspected + behind), "jpeg 0x0");
    }
    EXPECT_FACTS("\xff\xd8" + std::string(700000, '\xff'), "jpeg 0x0");
    EXPECT_FACTS("\xff\xd8\xff" + std::string(700000, 'x'), "jpeg 0x0");
    // Shorter ones have no frame at all.
    EXPECT_EQ(what_is("\xff\xd8" + std::string(kMaxInspected - 2, '\xff')), "nothing");
    EXPECT_EQ(what_is(jpeg_with_frame_at(kMaxInspected).substr(0, kMaxInspected)), "nothing");
    EXPECT_EQ(what_is(jpeg_with_frame_at(kMaxInspected + 50).substr(0, kMaxInspected + 10)),
              "nothing");
}

TEST(Inspect, DecodesNothingBehindItsLimit) {
    for (const std::string &file :
         {jpeg_with_frame_at(kMaxInspected + 5), jpeg_with_frame_at(kMaxInspected + 70000),
          jpeg_with_frame_at(kMaxInspected - 10)}) {
        std::string text = encode_base64(file + std::string(1000, 'x'));
        const std::string facts = description_of(inspect(Bytes::own(text)));
        const size_t limit = kMaxInspected / 3 * 4 + 4;
        text.replace(limit, text.size() - limit, text.size() - limit, '!');
        const std::string others = description_of(inspect(Bytes::own(text)));
        EXPECT_EQ(others.substr(0, others.find(" in ")), facts.substr(0, facts.find(" in ")));
    }
}

TEST(Inspect, IsQuietAboutRandomBytes) {
    std::mt19937 random(3);
    const auto files = every_kind();
    for (int round = 0; round < 20000; ++round) {
        std::string file = files[random() % files.size()];
        for (auto change = random() % 6; change > 0; --change) {
            file[random() % file.size()] = static_cast<char>(random() % 4 == 0 ? 0xff : random());
        }
        file.resize(random() % (file.size() + 10), '\xff');
        if (const auto facts = inspect_file(file)) {
            ASSERT_NE(facts->format, ImageFormat::unknown);
            ASSERT_GT(facts->width, 0);
            ASSERT_GT(facts->height, 0);
            ASSERT_EQ(facts->bytes, file.size());
        }
        std::string text(random() % 200, '\0');
        for (char &c : text) {
            c = static_cast<char>(random());
        }
        EXPECT_FALSE(inspect(Bytes::own(text)));
    }
}

TEST(ImageHeader, IsReadOfAnyBytesWhatever) {
    std::mt19937 random(4);
    for (int round = 0; round < 20000; ++round) {
        std::string bytes(random() % 40, '\0');
        for (char &c : bytes) {
            c = static_cast<char>(random() % 2 == 0 ? 0xff : random());
        }
        for (const auto &size : {png_size(bytes), webp_size(bytes), gif_size(bytes)}) {
            EXPECT_TRUE(!size || (size->width > 0 && size->height > 0));
        }
    }
}

}  // namespace
}  // namespace gateway

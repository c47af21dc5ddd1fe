// Facts from files of each format, whole and cut short, in pieces of any size, as bytes and as
// base64; and from hostile ones.
#include "core/images/image_inspector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/bytes/base64.h"
#include "core/images/base64_inspector.h"
#include "image_files.h"

namespace gateway {
namespace {

using namespace files;

std::string word(const std::optional<bool> &fact, std::string_view name) {
    return " " + std::string(!fact ? "?" : *fact ? "" : "no ") + std::string(name);
}

std::string description(const std::optional<ImageFacts> &facts) {
    if (!facts) {
        return "nothing";
    }
    return std::string(name_of(facts->format)) + " " + std::to_string(facts->width) + "x" +
           std::to_string(facts->height) + word(facts->has_alpha, "alpha") +
           word(facts->is_animated, "animation") +
           (facts->orientation == 1 ? "" : " turned " + std::to_string(facts->orientation)) +
           (facts->has_credentials ? " c2pa" : "") + (facts->whole ? "" : " cut short");
}

std::string in_bytes(const std::optional<ImageFacts> &facts) {
    return description(facts) + (facts ? " in " + std::to_string(facts->bytes) : "");
}

std::optional<ImageFacts> inspect_pieces(std::string_view file, size_t size) {
    ImageInspector inspector;
    for (; !file.empty(); file.remove_prefix(std::min(size, file.size()))) {
        inspector.feed(file.substr(0, size));
    }
    return inspector.finish();
}

std::optional<ImageFacts> inspect_text(std::string_view text, size_t size) {
    Base64Inspector inspector;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        inspector.feed(text.substr(0, size));
    }
    return inspector.finish();
}

std::string facts_of(std::string_view file) {
    return description(inspect_pieces(file, std::string::npos));
}

std::string with_escapes(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '/' ? "\\/" : std::string(1, c);
    }
    return escaped;
}

const std::string kStore = manifest_store();

std::string heic_of_a_phone() {
    return heif(meta(ispe(512, 512) + box("hvcC", "x") + ispe(4032, 3024) + ispe(320, 240) +
                         box("irot", "\x03"),
                     ipma({{1, {1, 2}}, {2, {1, 2}}, {49, {3, 5}}, {50, {4}}}), pitm(49)),
                "heic");
}

std::string avif_with_alpha() {
    return heif(meta(ispe(640, 480) + box("pixi", "xxxx") + box("av1C", "y") + aux_type(kAlphaName),
                     ipma({{1, {1, 2, 3}}, {2, {1, 4}}})),
                "avif",
                box("uuid", kC2paUuid + "\0\0\0\0manifest\0"s + std::string(8, '\0') + kStore));
}

std::vector<std::string> every_kind() {
    return {png(1024, 768, png_chunk("caBX", kStore) + png_chunk("tRNS", "abc"),
                png_chunk("eXIf", tiff(6, true))),
            png(3, 4, png_chunk("acTL", "12345678")),
            jpeg(segment(0xe0, "JFIF\0\1\1\0\0\1\0\1\0\0"s) + exif_segment(tiff(8, false)) +
                 jumbf_segment(kStore) + frame(800, 600)),
            webp(vp8x(640, 480, 0x1a) + riff_chunk("ICCP", "odd") + riff_chunk("ANMF", "frame") +
                 riff_chunk("EXIF", tiff(3, true)) + riff_chunk("C2PA", kStore)),
            webp(vp8l(7, 9, true)),
            gif(320, 200,
                gif_application("NETSCAPE2.0", "\1\0\0"s) + gif_control(true) + gif_image(5) +
                    gif_control(false) + gif_image(5)),
            avif_with_alpha(),
            heic_of_a_phone()};
}

TEST(ImageInspector, ReadsTheFactsOfAPng) {
    EXPECT_EQ(facts_of(png(1024, 768)), "png 1024x768 no alpha no animation");
    EXPECT_EQ(facts_of(png(1, 2, "", "", 0)), "png 1x2 no alpha no animation");
    EXPECT_EQ(facts_of(png(1, 2, "", "", 4)), "png 1x2 alpha no animation");
    EXPECT_EQ(facts_of(png(1, 2, "", "", 6)), "png 1x2 alpha no animation");
    EXPECT_EQ(facts_of(png(1, 2, png_chunk("PLTE", "abc") + png_chunk("tRNS", "a"), "", 3)),
              "png 1x2 alpha no animation");
    EXPECT_EQ(facts_of(png(1, 2, png_chunk("acTL", "12345678"))), "png 1x2 no alpha animation");
    EXPECT_EQ(facts_of(png(1, 2, png_chunk("caBX", kStore))), "png 1x2 no alpha no animation c2pa");
    EXPECT_EQ(facts_of(png(1, 2, "", png_chunk("caBX", kStore))),
              "png 1x2 no alpha no animation c2pa");
    EXPECT_EQ(facts_of(png(1, 2, png_chunk("tEXt", "caBX"))), "png 1x2 no alpha no animation");
}

TEST(ImageInspector, ReadsTheFactsOfAJpeg) {
    EXPECT_EQ(facts_of(jpeg(frame(30, 20))), "jpeg 30x20 no alpha no animation");
    EXPECT_EQ(facts_of(jpeg(frame(30, 20, 0xc2) + jumbf_segment(kStore))),
              "jpeg 30x20 no alpha no animation c2pa");
    EXPECT_EQ(facts_of(jpeg(segment(0xe1, "http://ns.adobe.com/xap/1.0/\0<x/>"s) +
                            exif_segment(tiff(5, true)) + frame(30, 20))),
              "jpeg 30x20 no alpha no animation turned 5");
    // A superbox whose length has eight bytes.
    const std::string large = big(1, 4) + "jumb" + big(kStore.size() + 8, 8) + kStore.substr(8);
    EXPECT_EQ(facts_of(jpeg(jumbf_segment(large) + frame(30, 20))),
              "jpeg 30x20 no alpha no animation c2pa");
}

TEST(ImageInspector, TakesNothingElseForContentCredentials) {
    std::string other_type = kStore;
    other_type[16] = 'j';
    std::string other_box = kStore;
    other_box[4] = 'x';
    for (const std::string &content :
         {"JP"s, kStore, "JQ" + big(1, 2) + big(1, 4) + kStore, "JP" + big(1, 6) + other_type,
          "JP" + big(1, 6) + other_box, "JP" + big(1, 6) + kStore.substr(0, 20),
          "JP" + big(1, 6) + "c2pa" + std::string(100, 'x')}) {
        EXPECT_EQ(facts_of(jpeg(segment(0xeb, content) + frame(30, 20))),
                  "jpeg 30x20 no alpha no animation");
    }
    EXPECT_EQ(facts_of(jpeg(segment(0xea, "JP" + big(1, 6) + kStore) + frame(30, 20))),
              "jpeg 30x20 no alpha no animation");
    EXPECT_EQ(facts_of(gif(3, 4, gif_application("C2PA_GIF\1\0\1"s, "x") + gif_image(3))),
              "gif 3x4 no alpha no animation");
    EXPECT_EQ(
        facts_of(heif(meta(ispe(3, 4), ""), "avif", box("uuid", "0123456789abcdef" + kC2paUuid))),
        "avif 3x4 no alpha no animation");
}

TEST(ImageInspector, ReadsTheFactsOfAWebp) {
    EXPECT_EQ(facts_of(webp(vp8(640, 480))), "webp 640x480 no alpha no animation");
    EXPECT_EQ(facts_of(webp(vp8l(640, 480, false))), "webp 640x480 no alpha no animation");
    EXPECT_EQ(facts_of(webp(vp8l(640, 480, true))), "webp 640x480 alpha no animation");
    EXPECT_EQ(facts_of(webp(vp8x(640, 480, 0x10) + vp8l(640, 480, true))),
              "webp 640x480 alpha no animation");
    EXPECT_EQ(facts_of(webp(vp8x(640, 480, 0x02) + riff_chunk("ANIM", "abcdef"))),
              "webp 640x480 no alpha animation");
    EXPECT_EQ(facts_of(webp(vp8(640, 480) + riff_chunk("C2PA", kStore))),
              "webp 640x480 no alpha no animation c2pa");
    // Outside the RIFF file.
    EXPECT_EQ(facts_of(webp(vp8(640, 480)) + riff_chunk("C2PA", kStore)),
              "webp 640x480 no alpha no animation");
}

TEST(ImageInspector, ReadsTheFactsOfAGif) {
    EXPECT_EQ(facts_of(gif(320, 200, gif_image(5))), "gif 320x200 no alpha no animation");
    EXPECT_EQ(facts_of(gif(320, 200, gif_control(true) + gif_image(5), false)),
              "gif 320x200 alpha no animation");
    EXPECT_EQ(facts_of(gif(320, 200, gif_control(false) + gif_image(5) + "\x21\xfe\x02hi\0"s)),
              "gif 320x200 no alpha no animation");
    EXPECT_EQ(facts_of(gif(320, 200, gif_image(5) + gif_control(true) + gif_image(5))),
              "gif 320x200 no alpha animation");
    EXPECT_EQ(facts_of(gif(320, 200, gif_application("C2PA_GIF\1\0\0"s, "x") + gif_image(5))),
              "gif 320x200 no alpha no animation c2pa");
    EXPECT_EQ(facts_of(gif(320, 200, "\x21\xff\0\x21\xf9\0"s + gif_image(5))),
              "gif 320x200 no alpha no animation");
}

TEST(ImageInspector, ReadsTheFactsOfAvifAndHeic) {
    EXPECT_EQ(facts_of(avif_with_alpha()), "avif 640x480 alpha no animation c2pa");
    EXPECT_EQ(facts_of(heic_of_a_phone()), "heic 4032x3024 no alpha no animation");
    EXPECT_EQ(facts_of(heif(meta(ispe(3, 4) + aux_type("urn:mpeg:hevc:2015:auxid:1"), ""), "heix")),
              "heic 3x4 alpha no animation");
    EXPECT_EQ(facts_of(heif(meta(ispe(3, 4) + aux_type("urn:mpeg:hevc:2015:auxid:2"), ""), "heic")),
              "heic 3x4 no alpha no animation");
    EXPECT_EQ(facts_of(heif(meta(ispe(3, 4), ""), "avis")), "avif 3x4 no alpha animation");
    const std::string meta_box = meta(ispe(3, 4), "");
    EXPECT_EQ(facts_of(ftyp("mif1", "miafheic") + meta_box + box("mdat", "x")),
              "heic 3x4 no alpha no animation");
    EXPECT_EQ(facts_of(ftyp("mif1", "mif1avif") + meta_box + box("mdat", "x")),
              "avif 3x4 no alpha no animation");
    EXPECT_EQ(facts_of(ftyp("mif1", "jpeg") + meta_box + box("mdat", "x")), "nothing");
}

TEST(ImageInspector, TakesTheSizeOfThePrimaryImage) {
    const std::string properties = ispe(8000, 6000) + box("colr", "c") + ispe(300, 200);
    EXPECT_EQ(facts_of(heif(meta(properties, ipma({{1, {2, 3}}, {2, {1}}})))),
              "avif 300x200 no alpha no animation");
    EXPECT_EQ(facts_of(heif(meta(properties, ipma({{2, {1}}, {1, {3}}}, true, true)))),
              "avif 300x200 no alpha no animation");
    EXPECT_EQ(facts_of(heif(meta(properties, ipma({{70000, {3}}}, true), pitm(70000, true)))),
              "avif 300x200 no alpha no animation");
    // Else the largest.
    for (const std::string &associations :
         {""s, ipma({}), ipma({{2, {3}}}), ipma({{1, {}}}), ipma({{1, {2, 9}}}),
          box("ipma", "\0\0\0\0\0\0\0\x05\0\1\x03"s)}) {
        EXPECT_EQ(facts_of(heif(meta(properties, associations))),
                  "avif 8000x6000 no alpha no animation");
    }
    EXPECT_EQ(facts_of(heif(meta(properties, ipma({{1, {3}}}), ""))),
              "avif 8000x6000 no alpha no animation");
}

TEST(ImageInspector, FollowsBoxesOfUnusualSizes) {
    const std::string brand = ftyp("avif", "mif1");
    const std::string meta_box = meta(ispe(3, 4), "");
    EXPECT_EQ(facts_of(brand + meta_box + big(0, 4) + "mdat" + "anything"),
              "avif 3x4 no alpha no animation");
    EXPECT_EQ(facts_of(brand + meta_box + big(1, 4) + "mdat" + big(16 + 5, 8) + "coded"),
              "avif 3x4 no alpha no animation");
    EXPECT_EQ(facts_of(brand + box("free", std::string(100, 'f')) + meta_box + box("mdat", "")),
              "avif 3x4 no alpha no animation");
    EXPECT_EQ(facts_of(brand + meta_box), "avif 3x4 no alpha no animation cut short");
    for (const std::string &size : {big(7, 4), big(2, 4), big(0x7fffffff, 4)}) {
        EXPECT_EQ(facts_of(brand + meta_box + size + "mdat" + "coded"),
                  "avif 3x4 no alpha no animation cut short");
    }
    EXPECT_EQ(facts_of(brand + meta_box + big(1, 4) + "mdat" + big(~uint64_t{0}, 8) + "coded"),
              "avif 3x4 no alpha no animation cut short");
    // A box that is longer than the one around it.
    EXPECT_EQ(facts_of(brand + full_box("meta", big(1000, 4) + "iprp" + box("ipco", ispe(3, 4))) +
                       box("mdat", "coded")),
              "nothing");
    EXPECT_EQ(facts_of(brand + box("mdat", "coded")), "nothing");
    EXPECT_EQ(facts_of(heif(meta(ispe(0, 4) + ispe(3, 0x80000000), ""))), "nothing");
}

TEST(ImageInspector, ReadsEveryOrientation) {
    for (int orientation = 2; orientation <= 8; ++orientation) {
        const std::string turned = " turned " + std::to_string(orientation);
        for (const bool is_little : {false, true}) {
            for (const size_t gap : {0U, 2U, 6U, 100U}) {
                const std::string data = tiff(orientation, is_little, gap);
                EXPECT_EQ(facts_of(jpeg(exif_segment(data) + frame(3, 4))),
                          "jpeg 3x4 no alpha no animation" + turned);
                for (const std::string &exif : {data, "Exif\0\0"s + data}) {
                    EXPECT_EQ(facts_of(png(3, 4, png_chunk("eXIf", exif))),
                              "png 3x4 no alpha no animation" + turned);
                    EXPECT_EQ(facts_of(webp(vp8x(3, 4, 0x08) + riff_chunk("EXIF", exif + "!") +
                                            riff_chunk("C2PA", "x"))),
                              "webp 3x4 no alpha no animation" + turned + " c2pa");
                }
            }
        }
    }
}

TEST(ImageInspector, ReadsNoOrientationFromBrokenExif) {
    const std::string sound = tiff(6, true);
    std::vector<std::string> broken = {tiff(0, true),   tiff(9, false),         tiff(0x106, true),
                                       sound.substr(2), "XX" + sound.substr(2), ""s,
                                       "Exif\0\0"s};
    for (size_t size = 0; size < 8 + 2 + 12 + 12; ++size) {
        broken.push_back(sound.substr(0, size));
    }
    for (const auto &[at, byte] : {std::pair(2, 43), {4, 7}, {7, 0x7f}, {24, 4}, {26, 2}}) {
        std::string other = sound;
        other[static_cast<size_t>(at)] = static_cast<char>(byte);
        broken.push_back(other);
    }
    for (const std::string &data : broken) {
        EXPECT_EQ(facts_of(jpeg(exif_segment(data) + frame(3, 4))),
                  "jpeg 3x4 no alpha no animation");
        EXPECT_EQ(facts_of(png(3, 4, png_chunk("eXIf", data) + png_chunk("caBX", ""))),
                  "png 3x4 no alpha no animation c2pa");
        EXPECT_EQ(facts_of(webp(vp8(3, 4) + riff_chunk("EXIF", data) + riff_chunk("C2PA", ""))),
                  "webp 3x4 no alpha no animation c2pa");
    }
}

TEST(ImageInspector, KnowsWhetherTheFileIsWhole) {
    for (const std::string &file : every_kind()) {
        const auto whole = inspect_pieces(file, std::string::npos);
        ASSERT_TRUE(whole);
        EXPECT_TRUE(whole->whole) << description(whole);
        for (size_t size = 0; size < file.size(); ++size) {
            const auto facts = inspect_pieces(file.substr(0, size), std::string::npos);
            if (facts) {
                EXPECT_FALSE(facts->whole) << description(whole) << " " << size;
                EXPECT_EQ(facts->bytes, size);
            }
        }
    }
}

TEST(ImageInspector, FindsTheSameInPiecesOfAnySize) {
    for (const std::string &file : every_kind()) {
        const std::string whole = in_bytes(inspect_pieces(file, std::string::npos));
        for (size_t size = 1; size < 100; ++size) {
            ASSERT_EQ(in_bytes(inspect_pieces(file, size)), whole) << size;
        }
        const std::string text = encode_base64(file);
        const std::string escaped = with_escapes(text);
        for (const size_t size : {1U, 2U, 3U, 4U, 5U, 7U, 40U, 41U, 1000U, 100000U}) {
            ASSERT_EQ(in_bytes(inspect_text(text, size)), whole) << size;
            ASSERT_EQ(in_bytes(inspect_text(escaped, size)), whole) << size;
        }
    }
}

void change_at_random(std::string *file, std::mt19937 &random) {
    constexpr uint8_t kHostile[] = {0, 1, 2, 4, 7, 8, 0x10, 0x7f, 0x80, 0xff};
    for (auto change = random() % 5; change > 0; --change) {
        (*file)[random() % file->size()] = static_cast<char>(
            random() % 2 == 0 ? kHostile[random() % std::size(kHostile)] : random());
    }
    if (random() % 3 == 0) {
        file->insert(random() % file->size(), file->substr(random() % file->size(), random() % 60));
    }
    if (random() % 4 == 0) {
        file->resize(1 + random() % file->size());
    }
}

TEST(ImageInspector, FindsTheSameInBrokenFilesHoweverTheyAreCut) {
    std::mt19937 random(5);
    const auto files = every_kind();
    for (int round = 0; round < 20000; ++round) {
        std::string file = files[random() % files.size()];
        change_at_random(&file, random);
        const std::string whole = in_bytes(inspect_pieces(file, std::string::npos));
        ASSERT_EQ(in_bytes(inspect_pieces(file, 1 + random() % 70)), whole);
        const std::string text = encode_base64(file);
        ASSERT_EQ(in_bytes(inspect_text(text, 1 + random() % 70)), whole);
        ASSERT_EQ(in_bytes(inspect_text(with_escapes(text), 1 + random() % 200)), whole);
    }
}

TEST(ImageInspector, StopsAfterTooManyParts) {
    std::string chunks;
    std::string data;
    for (uint32_t i = 0; i < ImageWalk::kMaxParts + 10; ++i) {
        chunks += png_chunk("tEXt", "");
        data += "\x01z";
    }
    EXPECT_EQ(facts_of(png(3, 4, chunks + png_chunk("caBX", kStore))), "png 3x4 ?alpha ?animation");
    EXPECT_EQ(facts_of(gif(3, 4, "\x2c\0\0\0\0\3\0\3\0\0\2"s + data + "\0"s + gif_image(3))),
              "gif 3x4 no alpha ?animation");
    for (const size_t size : {1U, 7U, 1000U}) {
        EXPECT_EQ(description(inspect_text(encode_base64(png(3, 4, chunks + "more")), size)),
                  "png 3x4 ?alpha ?animation");
    }
}

TEST(ImageInspector, StopsAfterTooManyMarkersOfAJpeg) {
    for (const std::string &part : {segment(0xe2, ""), exif_segment("12345678"), "\xff\0"s,
                                    "\xff\xd0"s, "\xff\xff" + segment(0xeb, "")}) {
        std::string most;
        for (uint32_t i = 0; i < ImageWalk::kMaxParts - 1; ++i) {
            most += part;
        }
        const std::string file = jpeg(most + frame(30, 20));
        const std::string longer = jpeg(most + part + frame(30, 20));
        EXPECT_EQ(facts_of(file), "jpeg 30x20 no alpha no animation");
        EXPECT_EQ(facts_of(longer), "nothing");
        for (const size_t size : {1U, 7U, 1000U}) {
            EXPECT_EQ(description(inspect_pieces(file, size)), facts_of(file));
            EXPECT_EQ(description(inspect_pieces(longer, size)), "nothing");
            EXPECT_EQ(description(inspect_text(encode_base64(file), size)), facts_of(file));
            EXPECT_EQ(description(inspect_text(encode_base64(longer), size)), "nothing");
        }
    }
}

TEST(ImageInspector, FindsCredentialsBehindAnyAmountOfData) {
    const std::string data(3'000'000, '\xff');
    for (const std::string &file :
         {png(30, 20, "", png_chunk("caBX", kStore), 2, data),
          webp(vp8x(30, 20, 0) + riff_chunk("VP8 ", data) + riff_chunk("C2PA", kStore)),
          heif(meta(ispe(30, 20), "")) + box("free", data) + box("uuid", kC2paUuid)}) {
        for (const size_t size : {size_t{10000}, std::string::npos}) {
            EXPECT_TRUE(description(inspect_pieces(file, size)).ends_with("no animation c2pa"));
            const std::string text = encode_base64(file);
            EXPECT_TRUE(description(inspect_text(text, size)).ends_with("no animation c2pa"));
            EXPECT_TRUE(
                description(inspect_text(with_escapes(text), size)).ends_with("no animation c2pa"));
        }
    }
}

TEST(ImageInspector, FindsTheSizeOfAJpegBehindAnyAmountOfMetadata) {
    std::string segments;
    for (int i = 0; i < 40; ++i) {
        segments += segment(0xe2, std::string(65000, '\xff'));
    }
    const std::string file = jpeg(segments + std::string(100'000, '\xff') + frame(30, 20));
    EXPECT_EQ(description(inspect_pieces(file, 5000)), "jpeg 30x20 no alpha no animation");
    // Answers are looked at less far.
    EXPECT_EQ(description(inspect_text(encode_base64(file), 5000)),
              "jpeg 0x0 no alpha no animation");
}

TEST(ImageInspector, KnowsTheFormatEarly) {
    const std::string file = png(3, 4);
    ImageInspector inspector;
    inspector.feed(file.substr(0, kFrontOfImage - 1));
    EXPECT_EQ(inspector.format(), ImageFormat::unknown);
    inspector.feed(file.substr(kFrontOfImage - 1, 1));
    EXPECT_EQ(inspector.format(), ImageFormat::png);
    EXPECT_EQ(inspector.size(), kFrontOfImage);
}

TEST(ImageInspector, FindsNothingInOtherFiles) {
    for (const std::string &file :
         {""s, "x"s, "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"s, "%PDF-1.7"s,
          std::string(5000, '\0'), std::string(5000, '\xff'), ftyp("isom", "mp42") + "more"}) {
        EXPECT_EQ(facts_of(file), "nothing");
        EXPECT_EQ(description(inspect_text(encode_base64(file), 7)), "nothing");
    }
}

TEST(ImageInspector, IsSmall) {
    EXPECT_LE(sizeof(ImageInspector), 600U);
}

TEST(Base64Inspector, KnowsPaddingThatIsMissing) {
    for (size_t more = 0; more < 3; ++more) {
        const std::string file = png(3, 4) + std::string(more, '\0');
        std::string text = encode_base64(file);
        const size_t padding = text.size() - std::min(text.find('='), text.size());
        Base64Inspector whole;
        whole.feed(text);
        EXPECT_EQ(whole.missing_padding(), 0U);
        EXPECT_EQ(in_bytes(whole.finish()), in_bytes(inspect_pieces(file, 100)));
        text.resize(text.size() - padding);
        Base64Inspector lacking;
        lacking.feed(text);
        EXPECT_EQ(lacking.missing_padding(), padding);
        EXPECT_EQ(in_bytes(lacking.finish(padding)), in_bytes(inspect_pieces(file, 100)));
        Base64Inspector impossible;
        impossible.feed(encode_base64(std::string(30, 'x')) + "Q");
        EXPECT_EQ(impossible.missing_padding(), std::nullopt);
    }
}

}  // namespace
}  // namespace gateway

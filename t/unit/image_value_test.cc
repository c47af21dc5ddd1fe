// Which strings of a provider are accepted as images, and can be written into a reply unchanged.
#include "core/providers/image_value.h"

#include <gtest/gtest.h>

#include "core/bytes/base64.h"
#include "lifting.h"
#include "read_json.h"

namespace gateway {
namespace {

using Reader = std::optional<Image> (*)(JsonValue);

// What is read of the one string in ["<content>"], in the words it has in a document of ours.
std::optional<std::string> read_with(Reader reader, std::string_view content,
                                     ImageFormat *format = nullptr) {
    const LiftedText lifted = lift("[\"" + std::string(content) + "\"]");
    const auto document = JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings);
    if (!document) {
        ADD_FAILURE() << document.error().message << " in " << content;
        return std::nullopt;
    }
    const std::optional<Image> image = reader(document->root().at(0));
    if (!image) {
        return std::nullopt;
    }
    if (format != nullptr) {
        *format = image->format;
    }
    const std::string passed_on = image->content.copy();
    EXPECT_EQ(passed_on.find('"'), std::string::npos);
    return std::string(ReadJson("\"" + passed_on + "\"").root().string());
}

std::optional<std::string> read_image_body(std::string_view content,
                                           ImageFormat *format = nullptr) {
    return read_with(read_base64_image, content, format);
}

std::optional<std::string> read_link(std::string_view content) {
    return read_with(read_image_link, content);
}

// Its base64 is full of slashes.
std::string jpeg(size_t size) {
    return "\xff\xd8\xff" + std::string(size, '\xff');
}

std::string with_escaped_slashes(const std::string &text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '/' ? "\\/" : std::string(1, c);
    }
    return escaped;
}

TEST(ImageValue, IsBase64OfAnImageHoweverLong) {
    const std::string fronts[] = {"\x89PNG\r\n\x1a\n", "\xff\xd8\xff",
                                  std::string("RIFF\0\0\0\0WEBP", 12), "GIF89a"};
    const ImageFormat formats[] = {ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp,
                                   ImageFormat::gif};
    for (size_t i = 0; i < std::size(fronts); ++i) {
        for (const size_t more : {0U, 1U, 2U, 50U, 5000U, 200000U}) {
            const std::string text = encode_base64(fronts[i] + std::string(more, 'x'));
            ImageFormat format = ImageFormat::unknown;
            EXPECT_EQ(read_image_body(text, &format), text);
            EXPECT_EQ(format, formats[i]);
        }
    }
}

TEST(ImageValue, MayHaveEscapedSlashes) {
    for (const size_t size : {0U, 10U, 300U, 3000U, 200000U}) {
        const std::string text = encode_base64(jpeg(size));
        ASSERT_NE(text.find('/'), std::string::npos);
        EXPECT_EQ(read_image_body(with_escaped_slashes(text)), text) << size;
    }
}

TEST(ImageValue, MayComeAsADataUrl) {
    for (const std::string prefix :
         {"data:image/png;base64,", "data:;base64,", "data:image/jpeg;charset=utf-8;base64,"}) {
        for (const size_t size : {10U, 5000U}) {
            const std::string text = encode_base64(jpeg(size));
            EXPECT_EQ(read_image_body(prefix + text), text);
            EXPECT_EQ(read_image_body(with_escaped_slashes(prefix + text)), text);
        }
    }
}

TEST(ImageValue, IsPassedOnFromWhereItLies) {
    const LiftedText lifted = lift("\"data:image/jpeg;base64," + encode_base64(jpeg(5000)) + "\"");
    const auto document = JsonDocument::read(lifted.outline, kProvidersJson, &lifted.strings);
    const auto image = read_base64_image(document->root());
    ASSERT_TRUE(image);
    EXPECT_EQ(image->content.slices().front().text.data(),
              lifted.raw.slices().front().text.data() + 24);
    EXPECT_EQ(image->form, Image::Form::base64);
}

TEST(ImageValue, IsNoImageWhenItsBytesAreNone) {
    const std::string svg = encode_base64("<svg xmlns='http://www.w3.org/2000/svg'>");
    for (const std::string &text :
         {std::string(), std::string("not base64!"), svg, std::string("data:image/png;base64,"),
          std::string("data:image/png"), "data:image/svg+xml;base64," + svg,
          std::string("https://example.com/a.png"), std::string("data:image/svg+xml,<svg/>"),
          std::string(5000, ' '), std::string(5000, 'A'), "x" + encode_base64(jpeg(5000))}) {
        EXPECT_EQ(read_image_body(text), std::nullopt) << text;
    }
}

TEST(ImageValue, IsNeverPassedOnUnlessItIsFitToStandInJson) {
    for (const size_t size : {10U, 5000U}) {
        const std::string good = encode_base64(jpeg(size));
        for (const std::string bad :
             {"\\\"", "\\\\", "\\u0022", "\\n", "\\t", "\xc3\xa9", "\xff"}) {
            EXPECT_EQ(read_image_body(good + bad), std::nullopt) << bad;
            EXPECT_EQ(read_image_body(bad + good), std::nullopt) << bad;
            EXPECT_EQ(read_link(std::string("https://a/").append(good).append(bad)), std::nullopt);
        }
        for (const char *control : {"\x01", "\n"}) {
            if (size > 4096) {  // the parser takes none in a short one
                EXPECT_EQ(read_image_body(good + control), std::nullopt);
            }
        }
    }
}

TEST(ImageValue, IsALinkWhenItIsHttpOrHttps) {
    for (const std::string &link :
         {std::string("https://example.com/a.png?x=1&y=%20#z"), std::string("http://127.0.0.1:80/"),
          "https://example.com/?token=" + std::string(8000, 'x')}) {
        EXPECT_EQ(read_link(link), link);
        EXPECT_EQ(read_link(with_escaped_slashes(link)), link);
    }
}

TEST(ImageValue, IsNoLinkInAnyOtherForm) {
    for (const std::string link : {"", "http:/example.com", "ftp://example.com/a.png", "//a/b",
                                   "file:///etc/passwd", "javascript:alert(1)", "/a.png",
                                   "data:image/png;base64,AAAA", "https:\\\\\\\\example.com"}) {
        EXPECT_EQ(read_link(link), std::nullopt) << link;
    }
    EXPECT_EQ(read_link("https://example.com/a b"), std::nullopt);
}

TEST(ImageValue, MustBeAString) {
    for (const std::string_view json : {"null", "1", "true", "[]", "{}", "[\"https://a/b\"]"}) {
        const auto document = JsonDocument::read(json, kProvidersJson);
        EXPECT_FALSE(read_base64_image(document->root()));
        EXPECT_FALSE(read_image_link(document->root()));
    }
    EXPECT_FALSE(read_base64_image(JsonValue()));
    EXPECT_FALSE(read_image_link(JsonValue()));
}

}  // namespace
}  // namespace gateway

// Images written as text: base64 and data URLs, in pieces of any size.
#include "core/inputs/image_text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/bytes/base64.h"

namespace gateway {
namespace {

struct Decoded {
    std::string bytes;
    std::string problem;
};

Decoded decoded(std::string_view text, size_t piece = std::string::npos) {
    ImageText reader;
    Decoded result;
    for (size_t at = 0; at < text.size(); at += std::min(piece, text.size() - at)) {
        reader.feed(text.substr(at, piece), result.bytes);
    }
    result.problem = reader.finish(result.bytes);
    return result;
}

TEST(ImageTextTest, DecodesBase64AndDataUrlsHoweverTheyAreCut) {
    for (size_t size = 1; size < 40; ++size) {
        std::string bytes;
        for (size_t i = 0; i < size; ++i) {
            bytes += static_cast<char>(i * 37 + size);
        }
        const std::string base64 = encode_base64(bytes);
        const std::string bare = base64.substr(0, base64.find('='));
        for (const std::string &text :
             {base64, bare, "data:image/png;base64," + base64, "DATA:image/jpg;Base64," + bare,
              "data:;base64," + base64, "data:image/png;name=a b;base64," + base64}) {
            for (size_t piece = 1; piece <= text.size(); ++piece) {
                const Decoded result = decoded(text, piece);
                ASSERT_EQ(result.problem, "") << text << " in pieces of " << piece;
                ASSERT_EQ(result.bytes, bytes) << text << " in pieces of " << piece;
            }
        }
    }
}

TEST(ImageTextTest, TakesAnEscapedSlash) {
    EXPECT_EQ(decoded("\\/\\/\\/\\/").bytes, "\xff\xff\xff");
    EXPECT_EQ(decoded("data:image\\/png;base64,\\/\\/\\/\\/", 1).bytes, "\xff\xff\xff");
    EXPECT_NE(decoded("\\u002f\\/\\/\\/").problem, "");
}

TEST(ImageTextTest, TakesNothingElse) {
    for (const char *text :
         {"YWJj*", "YW Jj", "YWJj\n", "YW=j", "YWJj====", "Y", "YWJjZ", "Y===", "YWI==", "YWJj-_",
          "data:image/png,abc", "data:image/png;base64", "data:image/png;utf8,YWJj", "YWJ\\"}) {
        for (const size_t piece : {size_t{1}, size_t{3}, std::string::npos}) {
            EXPECT_NE(decoded(text, piece).problem, "") << text;
        }
    }
    EXPECT_EQ(decoded("").problem, "is empty");
    EXPECT_EQ(decoded("data:image/png;base64,").problem, "is empty");
    EXPECT_EQ(decoded("data:" + std::string(1000, 'a')).problem, "is a data URL without data");
}

TEST(ImageTextTest, TakesBase64ThatBeginsLikeADataUrl) {
    EXPECT_EQ(decoded("data").bytes, decoded("data", 1).bytes);
    EXPECT_EQ(decoded("dataYWJj", 2).problem, "");
    EXPECT_EQ(decoded("dat", 1).problem, "");
}

}  // namespace
}  // namespace gateway

// Long strings of image fields are cut out of JSON; nothing else is.
#include "core/inputs/json_images.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fake_ports.h"
#include "how_many.h"

namespace gateway {
namespace {

constexpr size_t kAnyOutline = 10'000'000;

class Strings final : public CutOutListener {
 public:
    bool on_string(std::string_view field) override {
        found.emplace_back(field, "");
        return found.size() <= max;
    }
    bool on_string_data(std::string_view piece) override {
        found.back().second += piece;
        return true;
    }
    bool on_string_end() override {
        ++ended;
        return true;
    }
    std::vector<std::pair<std::string, std::string>> found;
    size_t ended = 0;
    size_t max = 1000;
};

struct Cut {
    std::string outline;
    std::vector<std::pair<std::string, std::string>> strings;
};

Cut cut(const std::string &body, size_t piece = std::string::npos) {
    Strings strings;
    JsonImages json(kAnyOutline, strings);
    for (size_t at = 0; at < body.size(); at += std::min(piece, body.size() - at)) {
        EXPECT_TRUE(json.feed(std::string_view(body).substr(at, piece)));
    }
    EXPECT_EQ(strings.ended, strings.found.size());
    return {json.outline(), strings.found};
}

const std::string kLong(JsonImages::kMaxInline + 1, 'A');
const std::string kShort(JsonImages::kMaxInline, 'A');

TEST(JsonImagesTest, CutsOutTheLongStringsOfImageFields) {
    const std::string body = R"({"prompt":")" + kLong + R"(","image":")" + kLong +
                             R"(B","images":[")" + kLong + R"(C",{"image_url":{"url":")" + kLong +
                             R"(D"}}],"mask":{"b64_json":")" + kLong + R"(E"},"user":"x"})";
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{4096}, std::string::npos}) {
        const Cut result = cut(body, piece);
        EXPECT_EQ(result.outline,
                  R"({"prompt":")" + kLong +
                      R"(","image":"@0","images":["@1",{"image_url":{"url":"@2"}}],)"
                      R"("mask":{"b64_json":"@3"},"user":"x"})");
        ASSERT_EQ(result.strings.size(), 4U);
        EXPECT_EQ(result.strings[0].first, "image");
        EXPECT_EQ(result.strings[0].second, kLong + "B");
        EXPECT_EQ(result.strings[2].first, "images");
        EXPECT_EQ(result.strings[3].second, kLong + "E");
    }
}

TEST(JsonImagesTest, LeavesAllElse) {
    for (const std::string &body :
         {R"({"image":")" + kShort + R"("})", R"({"other":{"image":")" + kLong + R"("}})",
          R"([{"image":")" + kLong + R"("}])", R"(["image",")" + kLong + R"("])",
          R"({"a":"image","b":")" + kLong + R"("})", R"({"a":["image",")" + kLong + R"("]})",
          R"({"im\u0061ge":")" + kLong + R"("})",
          std::string(R"({"image":1,"x":"\")") + kLong + "\"}",
          R"({"image":null,")" + kLong + R"(":1})", "\"" + kLong + "\"", std::string()}) {
        for (const size_t piece : {size_t{1}, size_t{100}, std::string::npos}) {
            const Cut result = cut(body, piece);
            EXPECT_EQ(result.outline, body) << body.substr(0, 40);
            EXPECT_TRUE(result.strings.empty());
        }
    }
}

TEST(JsonImagesTest, KnowsEscapedQuotes) {
    const std::string inner = kLong + R"(\"\\)";
    const Cut result = cut(R"({"x":"\\","image":")" + inner + R"(","y":"\""})", 3);
    EXPECT_EQ(result.outline, R"({"x":"\\","image":"@0","y":"\""})");
    ASSERT_EQ(result.strings.size(), 1U);
    EXPECT_EQ(result.strings[0].second, inner);
}

TEST(JsonImagesTest, StopsWhereTheOutlineIsTooLargeOrTheListenerHasEnough) {
    Strings strings;
    JsonImages small(100, strings);
    EXPECT_FALSE(small.feed(R"({"prompt":")" + std::string(200, 'a')));
    EXPECT_TRUE(small.is_too_large());
    strings.max = 1;
    JsonImages two(kAnyOutline, strings);
    EXPECT_FALSE(two.feed(R"({"images":[")" + kLong + R"(",")" + kLong + R"("]})"));
    EXPECT_FALSE(two.is_too_large());
    EXPECT_FALSE(two.feed("more"));
}

// Whatever the bytes are: the outline with the strings put back is the body.
TEST(JsonImagesTest, LosesNothing) {
    FakeRandom random(7);
    const std::vector<std::string> words = {"{",
                                            "}",
                                            "[",
                                            "]",
                                            ",",
                                            ":",
                                            "\"",
                                            "\\",
                                            "\"image\"",
                                            "\"mask\":\"",
                                            "a",
                                            kLong,
                                            "\"images\":[\"",
                                            "1",
                                            "\\\""};
    for (int round = 0; round < of_cases(1000); ++round) {
        std::string body;
        for (uint64_t i = random.below(40); i > 0; --i) {
            body += words[random.below(words.size())];
        }
        Strings strings;
        JsonImages json(kAnyOutline, strings);
        for (size_t at = 0; at < body.size();) {
            const size_t piece = 1 + random.below(20'000);
            ASSERT_TRUE(json.feed(std::string_view(body).substr(at, piece)));
            at += piece;
        }
        std::string whole = json.outline();
        for (size_t i = strings.found.size(); i-- > 0;) {
            if (i >= strings.ended) {
                whole += strings.found[i].second;  // the body ends in it
                continue;
            }
            const std::string mark = "\"@" + std::to_string(i) + "\"";
            const size_t at = whole.rfind(mark);
            ASSERT_NE(at, std::string::npos);
            whole.replace(at, mark.size(), "\"" + strings.found[i].second + "\"");
        }
        ASSERT_EQ(whole, body);
    }
}

}  // namespace
}  // namespace gateway

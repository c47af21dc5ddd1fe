// The protocol of Redis: replies in whatever pieces they come, and what is none.
#include <gtest/gtest.h>

#include "redis/resp.h"

namespace gateway {
namespace {

std::vector<RespValue> read_resp(std::string_view text, size_t piece, bool *broken = nullptr) {
    RespReader reader;
    std::vector<RespValue> replies;
    while (!text.empty() && !reader.is_broken()) {
        std::string_view bytes = text.substr(0, piece);
        text.remove_prefix(bytes.size());
        while (auto reply = reader.next(bytes)) {
            replies.push_back(std::move(*reply));
        }
    }
    if (broken != nullptr) {
        *broken = reader.is_broken();
    } else {
        EXPECT_FALSE(reader.is_broken());
        EXPECT_FALSE(reader.is_within());
    }
    return replies;
}

TEST(Resp, ACommandIsAListOfTexts) {
    std::string text;
    const std::string_view command[] = {"SET", "k", "a\r\nb", ""};
    append_command(text, command);
    EXPECT_EQ(text, "*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n$0\r\n\r\n");
}

TEST(Resp, RepliesAreReadInWhateverPiecesTheyCome) {
    const std::string text =
        "+OK\r\n-ERR no\r\n:-12\r\n$5\r\na\r\nbc\r\n$-1\r\n*0\r\n*-1\r\n$0\r\n\r\n"
        "*3\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n$-1\r\n+last\r\n";
    const auto whole = read_resp(text, text.size());
    ASSERT_EQ(whole.size(), 10U);
    EXPECT_EQ(whole[0].text, "OK");
    EXPECT_TRUE(whole[1].is_error("ERR"));
    EXPECT_FALSE(whole[1].is_error("ER"));
    EXPECT_EQ(whole[2].integer, -12);
    EXPECT_EQ(whole[3].text, "a\r\nbc");
    EXPECT_EQ(whole[4].type, RespValue::Type::nil);
    EXPECT_EQ(whole[5].type, RespValue::Type::list);
    EXPECT_EQ(whole[6].type, RespValue::Type::nil);
    EXPECT_EQ(whole[8].list.size(), 3U);
    EXPECT_EQ(whole[8].list[1].list[1].text, "b");
    for (size_t piece = 1; piece < text.size(); ++piece) {
        EXPECT_EQ(read_resp(text, piece), whole) << piece;
    }
}

TEST(Resp, WhatIsNoRespBreaksTheReader) {
    for (const std::string text :
         {"HTTP/1.1 400\r\n", "\r\n", ":\r\n", ":1x\r\n", ":+1\r\n", "$-2\r\n", "*-2\r\n", "$x\r\n",
          "+a\n", "+a\rb\r\n", "$1\r\nabc", "$3\r\nabcde", ":99999999999999999999\r\n", "%1\r\n"}) {
        for (size_t piece = 1; piece <= text.size(); ++piece) {
            bool broken = false;
            EXPECT_EQ(read_resp(text, piece, &broken).size(), 0U) << text;
            EXPECT_TRUE(broken) << text;
        }
    }
}

TEST(Resp, AReplyIsBounded) {
    const std::string deep = [] {
        std::string text;
        for (size_t i = 0; i <= RespReader::kMaxDepth; ++i) {
            text += "*1\r\n";
        }
        return text;
    }();
    std::string many;
    for (size_t i = 0; i < 4; ++i) {
        many += "*" + std::to_string(RespReader::kMaxValues) + "\r\n";
    }
    for (size_t i = 0; i < RespReader::kMaxValues; ++i) {
        many += ":1\r\n";
    }
    for (const std::string &text :
         {deep, many, "*" + std::to_string(RespReader::kMaxValues + 1) + "\r\n",
          "$" + std::to_string(RespReader::kMaxText + 1) + "\r\n",
          std::string(RespReader::kMaxLine + 1, '+')}) {
        bool broken = false;
        EXPECT_EQ(read_resp(text, 1000, &broken).size(), 0U);
        EXPECT_TRUE(broken) << text.substr(0, 20);
    }
}

}  // namespace
}  // namespace gateway

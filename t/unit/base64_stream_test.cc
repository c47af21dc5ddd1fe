// Base64 in pieces gives the same result as base64 at once, whatever the slices, reads and feeds.
#include "core/images/base64_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "core/bytes/base64.h"

namespace gateway {
namespace {

using namespace std::string_view_literals;

struct Decoded {
    std::string bytes;
    bool whole = false;
    bool operator==(const Decoded &) const = default;
};

std::ostream &operator<<(std::ostream &out, const Decoded &decoded) {
    return out << testing::PrintToString(decoded.bytes) << (decoded.whole ? " whole" : " broken");
}

// A simple reader, to compare with.
Decoded expected(std::string_view text) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string characters;
    bool sound = true;
    for (size_t i = 0; i < text.size() && sound; ++i) {
        if (text[i] != '\\') {
            characters += text[i];
        } else if (i + 1 == text.size() || text[i + 1] != '/') {
            sound = false;
        }
    }
    Decoded result;
    for (size_t at = 0; at + 4 <= characters.size(); at += 4) {
        uint32_t bits = 0;
        size_t count = 3;
        for (size_t i = 0; i < 4; ++i) {
            const char c = characters[at + i];
            const size_t value = kAlphabet.find(c);
            if (c == '=' && i >= 2 && characters[at + 3] == '=') {
                bits <<= 6;
                count = std::min(count, i - 1);
            } else if (value != std::string_view::npos) {
                bits = bits << 6 | static_cast<uint32_t>(value);
            } else {
                return result;
            }
        }
        if (count < 3 && (bits & (count == 1 ? 0xffffU : 0xffU)) != 0) {
            return result;
        }
        for (size_t i = 0; i < count; ++i) {
            result.bytes += static_cast<char>(bits >> (16 - 8 * i));
        }
        if (count < 3) {
            result.whole = sound && at + 4 == characters.size();
            return result;
        }
    }
    result.whole = sound && characters.size() % 4 == 0;
    return result;
}

std::string random_bytes(std::mt19937 &random, size_t size) {
    std::string bytes(size, '\0');
    for (char &c : bytes) {
        c = static_cast<char>(random() % 3 == 0 ? 0xff : random());
    }
    return bytes;
}

std::string with_escaped_slashes(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '/' ? "\\/" : std::string(1, c);
    }
    return escaped;
}

// Every slice has separate memory, so that a read past its end is detected.
Bytes in_slices(std::string_view text, size_t size) {
    Bytes bytes;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        bytes.append(std::string(text.substr(0, size)));
    }
    return bytes;
}

Bytes in_random_slices(std::mt19937 &random, std::string_view text) {
    Bytes bytes;
    while (!text.empty()) {
        const size_t size = std::min<size_t>(text.size(), 1 + random() % (1U << random() % 16));
        bytes.append(std::string(text.substr(0, size)));
        text.remove_prefix(size);
    }
    return bytes;
}

template <typename NextSize>
Decoded read_all(const Bytes &text, NextSize next) {
    Base64Reader reader(text);
    Decoded result;
    for (;;) {
        const size_t size = next();
        const std::string bytes = reader.read(size);
        result.bytes += bytes;
        if (bytes.size() < size) {
            break;
        }
    }
    EXPECT_TRUE(reader.is_at_end());
    EXPECT_EQ(reader.read(10), "");
    result.whole = reader.is_whole();
    return result;
}

Decoded read_by(const Bytes &text, size_t size) {
    return read_all(text, [size] { return size; });
}

void expect_same_in_every_way(std::string_view text) {
    const Decoded whole = expected(text);
    for (const size_t slice : {1U, 2U, 3U, 4U, 5U, 7U, 64U, 1000U}) {
        const Bytes bytes = in_slices(text, slice);
        for (const size_t read : {1U, 2U, 3U, 4U, 5U, 8U, 100U, 100000U}) {
            ASSERT_EQ(read_by(bytes, read), whole)
                << text << " in slices of " << slice << " by " << read;
        }
    }
    if (whole.whole) {
        EXPECT_EQ(decoded_size(Bytes::own(std::string(text))), whole.bytes.size()) << text;
    }
}

TEST(Base64Reader, ReadsTheStandardsExamples) {
    constexpr std::string_view kRows[][2] = {// RFC 4648, section 10
                                             {"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (const auto &[bytes, text] : kRows) {
        EXPECT_EQ(expected(text), (Decoded{std::string(bytes), true}));
        expect_same_in_every_way(text);
    }
}

TEST(Base64Reader, TakesASlashWithAndWithoutItsEscape) {
    for (const std::string_view text :
         {"//8="sv, "\\/\\/8="sv, "\\//8="sv, "/\\/8="sv, "\\/\\/\\/\\/"sv, "Zm9v\\/\\/\\/\\/"sv,
          "Zg=="sv, "+\\/+\\/+\\/+\\/+\\/8="sv}) {
        EXPECT_TRUE(expected(text).whole) << text;
        expect_same_in_every_way(text);
    }
}

TEST(Base64Reader, StopsBeforeTheFirstGroupThatIsNoBase64) {
    const std::string_view rows[] = {
        "Zm9v!mFy"sv,  "Zm9v\0mFy"sv,    "Zm9v\xc3\xa9Zm"sv, "Zm9v    "sv,     "    Zm9v"sv,
        "Zm9v\n"sv,    "Zm9v\r\nZm9v"sv, "Zm9v----"sv,       "-_-_"sv,         "Zm9vZm9-"sv,
        "Zm9vZm9\n"sv, "Zm9v Zm9"sv,     "\nm9v"sv,          "Zm9vZm9v    "sv, "{\"a\":1}"sv};
    for (const std::string_view text : rows) {
        EXPECT_FALSE(expected(text).whole);
        expect_same_in_every_way(text);
    }
}

TEST(Base64Reader, KnowsATextThatWasCutOff) {
    const std::string text = with_escaped_slashes(encode_base64("\xff\xff\xff\xff foobar\xff"));
    for (size_t size = 1; size < text.size(); ++size) {
        expect_same_in_every_way(text.substr(0, size));
    }
    EXPECT_EQ(expected("Zm9vYg"), (Decoded{"foo", false}));
    EXPECT_EQ(expected("Zm9v\\"), (Decoded{"foo", false}));
}

TEST(Base64Reader, TakesPaddingOnlyAtTheVeryEndAndOnlyWithoutBitsBehind) {
    for (const std::string_view text :
         {"===="sv, "Z==="sv, "Z=9v"sv, "Z=9="sv, "Zg=g"sv, "Zg==Zg=="sv, "Zm8=Zm9v"sv, "Zg==="sv,
          "Zg== "sv, "Zg==\n"sv, "Zm8=\\/"sv, "Zh=="sv, "Zm9="sv, "Zm9v="sv, "Zm9v===="sv,
          "Zg==\\"sv, "Zg==\\x"sv, "Zm9vZg="sv, "Zm9v=g=="sv}) {
        EXPECT_FALSE(expected(text).whole) << text;
        expect_same_in_every_way(text);
    }
}

TEST(Base64Reader, TakesNoOtherEscape) {
    for (const std::string_view text : {"Zm9v\\\\/AAA"sv, "Zm9v\\nAAA"sv, "Zm9vA\\u0041AA"sv,
                                        "\\"sv, "\\\\"sv, "Zm9v\\Zm9v"sv, "Zm9v\\"sv}) {
        EXPECT_FALSE(expected(text).whole) << text;
        expect_same_in_every_way(text);
    }
}

TEST(Base64Reader, ReadsTheSameOfAnyTextInAnyPieces) {
    std::mt19937 random(7);
    for (int round = 0; round < 3000; ++round) {
        std::string text = encode_base64(random_bytes(random, random() % 60));
        if (random() % 2 == 0) {
            text = with_escaped_slashes(text);
        }
        for (auto damage = random() % 4; damage > 1 && !text.empty(); --damage) {
            constexpr std::string_view kBad = "==\\\\/ \n-AZ\xff";
            text[random() % text.size()] = kBad[random() % kBad.size()];
        }
        const Decoded decoded =
            read_all(in_random_slices(random, text), [&random] { return 1 + random() % 40; });
        ASSERT_EQ(decoded, expected(text)) << text;
    }
}

TEST(Base64Reader, ReadsLongTextsInAnyPieces) {
    std::mt19937 random(8);
    for (int round = 0; round < 40; ++round) {
        const std::string bytes = random_bytes(random, 20000 + random() % 60000);
        std::string text = encode_base64(bytes);
        if (round % 2 == 0) {
            text = with_escaped_slashes(text);
        }
        const Bytes slices = in_random_slices(random, text);
        ASSERT_EQ(read_all(slices, [&random] { return 1 + random() % 30000; }),
                  (Decoded{bytes, true}));
        ASSERT_EQ(decoded_size(slices), bytes.size());

        const size_t at = random() % text.size();
        text[at] = '!';
        const Bytes damaged = in_random_slices(random, text);
        ASSERT_EQ(read_by(damaged, 10000), expected(text)) << at;
    }
}

TEST(Base64Reader, KnowsThatAllWasReadWithoutAReadTooMany) {
    for (const size_t size : {1U, 2U, 3U, 300U, 10000U}) {
        const std::string bytes(size, 'x');
        const Bytes text = Bytes::own(encode_base64(bytes));
        Base64Reader reader(text);
        if (size > 1) {
            EXPECT_EQ(reader.read(size - 1).size(), size - 1);
        }
        EXPECT_FALSE(reader.is_at_end());
        EXPECT_FALSE(reader.is_whole());
        EXPECT_EQ(reader.read(1), "x");
        EXPECT_TRUE(reader.is_at_end());
        EXPECT_TRUE(reader.is_whole());
    }
}

TEST(Base64Reader, TakesNoMoreRoomThanTheTextCanFill) {
    const Bytes text = Bytes::own("Zm9v");
    EXPECT_EQ(Base64Reader(text).read(std::string::npos), "foo");
    EXPECT_EQ(Base64Reader(text).read(0), "");
}

TEST(Base64Reader, FindsNoTextWhole) {
    const Bytes nothing;
    Base64Reader reader(nothing);
    EXPECT_TRUE(reader.is_at_end());
    EXPECT_TRUE(reader.is_whole());
    EXPECT_EQ(reader.read(1), "");
}

TEST(Base64Writer, WritesWhatIsWrittenAtOnceHoweverItIsFed) {
    std::mt19937 random(9);
    const auto pool = BlockPool::create(8);
    for (int round = 0; round < 300; ++round) {
        const std::string bytes = random_bytes(random, random() % (1U << random() % 19));
        Base64Writer writer(pool);
        for (std::string_view rest = bytes; !rest.empty();) {
            const std::string piece(rest.substr(0, random() % (1U << random() % 18)));
            writer.feed(piece);
            rest.remove_prefix(piece.size());
        }
        ASSERT_EQ(writer.size(), bytes.size());
        const Bytes text = std::move(writer).finish();
        ASSERT_EQ(text.copy(), encode_base64(bytes));
        ASSERT_EQ(decoded_size(text), bytes.size());
        ASSERT_EQ(read_by(text, 5000), (Decoded{bytes, true}));
    }
}

TEST(Base64Writer, WritesTheSameByteByByte) {
    std::mt19937 random(10);
    const auto pool = BlockPool::create(8);
    // A block takes 49149 bytes; its end is where OpenSSL's NUL could do harm.
    for (const size_t size : {0U, 1U, 2U, 3U, 4U, 100U, 49148U, 49149U, 49150U, 49152U, 98298U}) {
        const std::string bytes = random_bytes(random, size);
        Base64Writer single(pool);
        for (const char &c : bytes) {
            single.feed({&c, 1});
        }
        single.feed({});
        const std::string text = encode_base64(bytes);
        EXPECT_EQ(std::move(single).finish().copy(), text) << size;
        Base64Writer whole(pool);
        whole.feed(bytes);
        EXPECT_EQ(std::move(whole).finish().copy(), text) << size;
    }
}

TEST(Base64Writer, HandsOnWhatItWroteAndKeepsTheBeginning) {
    const auto pool = BlockPool::create(100);
    const std::string bytes(500'001, 'b');
    Base64Writer writer(pool);
    std::string passed;
    for (size_t at = 0; at < bytes.size(); at += 1000) {
        writer.feed(std::string_view(bytes).substr(at, 1000));
        passed += writer.pass().copy();
        EXPECT_LE(pool->lent(), 3U) << "the first, and the one that is written to";
    }
    writer.end();
    passed += writer.pass().copy();
    Base64Writer whole(pool);
    whole.feed(bytes);
    EXPECT_EQ(passed, std::move(whole).finish().copy());
    const std::string kept = std::move(writer).finish().copy();
    EXPECT_FALSE(kept.empty());
    EXPECT_LT(kept.size(), 65'536U);
    EXPECT_TRUE(passed.starts_with(kept));
}

TEST(Base64Writer, GivesItsBlocksBackWithTheText) {
    const auto pool = BlockPool::create(8);
    {
        Base64Writer writer(pool);
        writer.feed(std::string(100000, 'x'));
        const Bytes text = std::move(writer).finish();
        EXPECT_EQ(text.slices().size(), 3U);
        EXPECT_EQ(pool->idle(), 0U);
    }
    EXPECT_EQ(pool->idle(), 3U);
}

TEST(DecodedSize, CountsNeitherEscapesNorPadding) {
    std::mt19937 random(11);
    for (size_t size = 0; size < 5000; size += 1 + size / 20) {
        const std::string text = encode_base64(std::string(size, '\xff'));
        const std::string escaped = with_escaped_slashes(text);
        EXPECT_EQ(decoded_size(Bytes::own(text)), size);
        EXPECT_EQ(decoded_size(in_slices(escaped, 1)), size);
        EXPECT_EQ(decoded_size(in_random_slices(random, escaped)), size);
        EXPECT_EQ(decoded_size(Bytes::own(escaped)), size);
    }
}

TEST(DecodedSize, IsThatOfTheWholeGroupsWhereATextWasCutOff) {
    EXPECT_EQ(decoded_size(Bytes::own("Zm9vYg")), 3U);
    EXPECT_EQ(decoded_size(Bytes::own("Zm9vYg=")), 3U);
    EXPECT_EQ(decoded_size(Bytes::own("Zm9v\\")), 3U);
    for (const char *text : {"=", "==", "===", "====", "\\", "\\\\\\\\"}) {
        EXPECT_LE(decoded_size(Bytes::own(text)), 1U) << text;
    }
}

}  // namespace
}  // namespace gateway

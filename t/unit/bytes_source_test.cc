// Reading bytes in memory by offset, whatever slices they are in.
#include "core/images/bytes_source.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "core/bytes/base64.h"

namespace gateway {
namespace {

Bytes in_slices(std::string_view text, size_t size) {
    Bytes bytes;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        bytes.append(std::string(text.substr(0, size)));
    }
    return bytes;
}

std::optional<std::string> read(ByteSource &source, uint64_t offset, size_t size) {
    std::vector<uint8_t> into(size);
    const auto count = source.read(offset, into);
    if (!count) {
        return std::nullopt;
    }
    return std::string(into.begin(), into.begin() + static_cast<ptrdiff_t>(*count));
}

std::string random_text(size_t size) {
    std::mt19937 random(1);
    std::string text;
    for (size_t i = 0; i < size; ++i) {
        text += static_cast<char>(random());
    }
    return text;
}

TEST(BytesSource, ReadsAnyPart) {
    const std::string text = random_text(20'000);
    std::mt19937 random(2);
    for (const size_t slice : {1UL, 7UL, 4096UL, 100'000UL}) {
        const Bytes bytes = in_slices(text, slice);
        const Bytes base64 = in_slices(encode_base64(text), slice);
        BytesSource plain(bytes);
        Base64Source decoded(base64);
        for (int i = 0; i < 50; ++i) {
            const size_t offset = random() % 21'000;
            const size_t size = random() % 9'000;
            const std::string expected = text.substr(std::min(offset, text.size()), size);
            ASSERT_EQ(read(plain, offset, size), expected);
            ASSERT_EQ(read(decoded, offset, size), expected) << offset << " " << size;
        }
    }
}

TEST(BytesSource, OfNothingIsAtItsEnd) {
    const Bytes nothing;
    BytesSource plain(nothing);
    Base64Source decoded(nothing);
    EXPECT_EQ(read(plain, 0, 5), "");
    EXPECT_EQ(read(decoded, 0, 5), "");
    EXPECT_EQ(read(plain, 3, 5), "");
    EXPECT_EQ(read(decoded, 3, 5), "");
}

TEST(BytesSource, FailsWhereTheTextIsNotBase64) {
    const Bytes broken = Bytes::own("QUJDREVG!UJD");
    Base64Source source(broken);
    EXPECT_EQ(read(source, 0, 6), "ABCDEF");
    EXPECT_EQ(read(source, 0, 7), std::nullopt);
    EXPECT_EQ(read(source, 9, 1), std::nullopt);
    EXPECT_EQ(read(source, 2, 3), "CDE");
    const Bytes truncated = Bytes::own("QUJDRE");
    Base64Source other(truncated);
    EXPECT_EQ(read(other, 0, 6), std::nullopt);
}

}  // namespace
}  // namespace gateway

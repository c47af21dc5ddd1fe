// A body in parts is read in pieces of any size, again and again, and always as the same bytes.
#include "core/bytes/bytes_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

Bytes in_parts() {
    Bytes bytes;
    for (const char *part : {"one", "", "twenty", "3"}) {
        bytes.append(std::string(part));
    }
    return bytes;
}

std::string read_all(BytesReader &reader, size_t piece) {
    std::string all;
    std::string into(piece, '\0');
    while (const size_t count = reader.read(into)) {
        all.append(into, 0, count);
    }
    return all;
}

TEST(BytesReader, ReadsPartsInPiecesOfAnySize) {
    const Bytes bytes = in_parts();
    for (size_t piece = 1; piece < 12; ++piece) {
        BytesReader reader(bytes);
        EXPECT_EQ(read_all(reader, piece), "onetwenty3") << piece;
        EXPECT_EQ(read_all(reader, piece), "") << "the end stays the end";
    }
}

TEST(BytesReader, ReadsNothingOfNothing) {
    const Bytes none;
    BytesReader reader(none);
    EXPECT_EQ(read_all(reader, 4), "");
    EXPECT_TRUE(reader.seek(0));
    EXPECT_FALSE(reader.seek(1));
}

TEST(BytesReader, GoesToAnyPlace) {
    const Bytes bytes = in_parts();
    const std::string text = bytes.copy();
    BytesReader reader(bytes);
    for (size_t offset = 0; offset <= text.size(); ++offset) {
        ASSERT_TRUE(reader.seek(offset));
        EXPECT_EQ(read_all(reader, 4), text.substr(offset)) << offset;
    }
    EXPECT_FALSE(reader.seek(text.size() + 1));
}

TEST(Bytes, CopyOfATextIsOnePieceOfItsOwn) {
    std::string text = "a text that is changed afterwards";
    const Bytes copy = Bytes::copy_of(text);
    text.assign(text.size(), 'x');
    EXPECT_EQ(copy.copy(), "a text that is changed afterwards");
    EXPECT_EQ(copy.slices().size(), 1U);
    EXPECT_TRUE(Bytes::copy_of("").empty());
}

}  // namespace
}  // namespace gateway

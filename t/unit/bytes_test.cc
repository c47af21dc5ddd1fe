// Bytes by reference: nothing is copied, and memory stays alive while something refers to it.
#include "core/bytes/bytes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

#include "core/bytes/block_pool.h"
#include "core/bytes/block_text.h"

namespace gateway {
namespace {

Bytes of_pieces(const std::vector<std::string> &pieces) {
    Bytes bytes;
    for (const std::string &piece : pieces) {
        bytes.append(piece);
    }
    return bytes;
}

TEST(Bytes, AreEmptyAtFirst) {
    EXPECT_TRUE(Bytes().empty());
    EXPECT_EQ(Bytes().size(), 0U);
    EXPECT_EQ(Bytes().copy(), "");
    EXPECT_TRUE(Bytes().part(0).empty());
}

TEST(Bytes, HoldNoEmptySlices) {
    EXPECT_TRUE(Bytes::own("").slices().empty());
    EXPECT_EQ(of_pieces({"", "ab", "", "c", ""}).slices().size(), 2U);
    EXPECT_TRUE(of_pieces({"abc", "def"}).part(3, 0).slices().empty());
}

TEST(Bytes, TakeTextOverWithoutCopyingIt) {
    std::string text(100, 'x');
    const auto where = reinterpret_cast<uintptr_t>(text.data());
    const Bytes bytes = Bytes::own(std::move(text));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.slices().front().text.data()), where);
}

TEST(Bytes, AppendOtherBytesByReference) {
    const Bytes tail = of_pieces({"c", "d"});
    Bytes bytes = Bytes::own("ab");
    bytes.append(tail);
    EXPECT_EQ(bytes.size(), 4U);
    EXPECT_EQ(bytes.copy(), "abcd");
    EXPECT_EQ(bytes.slices()[1].text.data(), tail.slices()[0].text.data());
}

TEST(Bytes, MayHavePiecesOfAFile) {
    Bytes bytes = Bytes::own("head");
    bytes.append(Slice{nullptr, {}, {5, 100, 50}});
    bytes.append("tail");
    EXPECT_EQ(bytes.size(), 58U);
    EXPECT_EQ(bytes.copy(), "headtail");
    const Bytes part = bytes.part(14, 41);
    ASSERT_EQ(part.slices().size(), 2U);
    EXPECT_EQ(part.slices()[0].file.offset, 110U);
    EXPECT_EQ(part.slices()[0].file.size, 40U);
    EXPECT_EQ(part.slices()[0].file.descriptor, 5);
    EXPECT_EQ(part.slices()[1].text, "t");
    EXPECT_EQ(bytes.part(4, 50).slices().size(), 1U);
}

TEST(Bytes, CanBeAppendedToThemselves) {
    Bytes bytes = of_pieces({"a", "b", "c"});
    bytes.append(bytes);
    EXPECT_EQ(bytes.copy(), "abcabc");
    EXPECT_EQ(bytes.size(), 6U);
}

TEST(Bytes, OutliveTheBytesThatTheyAreAPartOf) {
    Bytes part;
    {
        Bytes whole = of_pieces({std::string(50, 'a'), std::string(50, 'b')});
        part = whole.part(40, 20);
    }
    EXPECT_EQ(part.copy(), "aaaaaaaaaabbbbbbbbbb");
}

TEST(Bytes, CopyNoMoreThanAskedFor) {
    const Bytes bytes = of_pieces({"abc", "def"});
    EXPECT_EQ(bytes.copy(0), "");
    EXPECT_EQ(bytes.copy(3), "abc");
    EXPECT_EQ(bytes.copy(4), "abcd");
    EXPECT_EQ(bytes.copy(6), "abcdef");
    EXPECT_EQ(bytes.copy(7), "abcdef");
}

TEST(Bytes, HavePartsLikeThoseOfAString) {
    const std::vector<std::string> pieces = {"a", "bcd", "", "ef", "ghijk"};
    const Bytes bytes = of_pieces(pieces);
    const std::string whole = bytes.copy();
    for (size_t from = 0; from <= whole.size(); ++from) {
        EXPECT_EQ(bytes.part(from).copy(), whole.substr(from));
        for (size_t count = 0; count <= whole.size() + 1; ++count) {
            const Bytes part = bytes.part(from, count);
            EXPECT_EQ(part.copy(), whole.substr(from, count));
            EXPECT_EQ(part.size(), part.copy().size());
        }
    }
    EXPECT_TRUE(bytes.part(whole.size() + 1).empty());
    EXPECT_TRUE(bytes.part(std::string::npos).empty());
}

TEST(BlockPool, GivesTheSameBlockAgain) {
    const auto pool = BlockPool::create(2);
    Block block = pool->take();
    const char *where = block.get();
    EXPECT_EQ(pool->idle(), 0U);
    block.reset();
    EXPECT_EQ(pool->idle(), 1U);
    EXPECT_EQ(pool->take().get(), where);
}

TEST(BlockPool, GivesEveryTakerAWholeBlockOfTheirOwn) {
    const auto pool = BlockPool::create(2);
    const std::vector<Block> blocks = {pool->take(), pool->take(), pool->take()};
    for (size_t i = 0; i < blocks.size(); ++i) {
        std::memset(blocks[i].get(), static_cast<int>('a' + i), kBlockSize);
    }
    for (size_t i = 0; i < blocks.size(); ++i) {
        EXPECT_EQ(blocks[i][0], static_cast<char>('a' + i));
        EXPECT_EQ(blocks[i][kBlockSize - 1], static_cast<char>('a' + i));
    }
}

TEST(BlockPool, KeepsNoMoreIdleBlocksThanItMay) {
    for (const size_t max : {0U, 1U, 3U}) {
        const auto pool = BlockPool::create(max);
        std::vector<Block> blocks;
        for (int i = 0; i < 5; ++i) {
            blocks.push_back(pool->take());
        }
        blocks.clear();
        EXPECT_EQ(pool->idle(), max);
    }
}

TEST(BlockPool, ReleasesASurplusAFewBlocksAtATime) {
    const auto pool = BlockPool::create(2);
    int calls = 0;
    pool->on_surplus = [&calls] { ++calls; };
    std::vector<Block> blocks;
    for (int i = 0; i < 10; ++i) {
        blocks.push_back(pool->take());
        blocks.back()[0] = 'x';
    }
    EXPECT_FALSE(pool->has_surplus());
    blocks.clear();
    EXPECT_EQ(pool->idle(), 2U);
    EXPECT_TRUE(pool->has_surplus());
    EXPECT_EQ(calls, 1) << "once for all of them";
    for (int i = 0; i < 5; ++i) {
        blocks.push_back(pool->take());
    }
    for (const Block &block : blocks) {
        EXPECT_EQ(block[0], 'x') << "a block that still has its pages";
    }
    pool->release_surplus(3);
    EXPECT_TRUE(pool->has_surplus());
    pool->release_surplus(2);
    EXPECT_FALSE(pool->has_surplus());
    EXPECT_EQ(pool->take()[0], '\0') << "a block that has no pages";
    pool->release_surplus(100);
}

TEST(BlockPool, ReturnsThePagesOfBlocksThatNobodyNeededForAWhile) {
    const auto pool = BlockPool::create(8);
    std::vector<Block> blocks = {pool->take(), pool->take(), pool->take(), pool->take()};
    blocks.clear();
    pool->trim(100);
    EXPECT_EQ(pool->idle(), 4U) << "they have only just become idle";
    blocks = {pool->take()};
    blocks.clear();
    pool->trim(2);
    EXPECT_EQ(pool->idle(), 2U) << "no more than it is told";
    pool->trim(100);
    EXPECT_EQ(pool->idle(), 0U);
    blocks = {pool->take(), pool->take()};
    std::memset(blocks[0].get(), 'x', kBlockSize);
    std::memset(blocks[1].get(), 'x', kBlockSize);
}

TEST(BlockPool, KeepsOneIdleBlockOfThoseThatWereNeeded) {
    const auto pool = BlockPool::create(8);
    for (int i = 0; i < 3; ++i) {
        pool->take();
        pool->trim(100);
        EXPECT_EQ(pool->idle(), 1U);
    }
}

TEST(BlockText, AShortTextTakesNoBlockAndMayGrow) {
    const auto pool = BlockPool::create(8);
    BlockText text(pool);
    std::string expected;
    for (size_t size = 0; expected.size() < 3 * kBlockSize; size = size * 3 / 2 + 1) {
        const Bytes before = text.part(0, text.size());
        const std::string piece(size, static_cast<char>('a' + size % 26));
        text.append(piece);
        EXPECT_EQ(before.copy(), expected) << "what refers to it stays";
        expected += piece;
        ASSERT_EQ(text.part(0, text.size()).copy(), expected);
        EXPECT_EQ(pool->lent(), expected.size() <= 4096 ? 0 : expected.size() / kBlockSize + 1);
        EXPECT_EQ(text.blocks_for(0), expected.size() <= 4096 && !expected.empty() ? 1U : 0U);
    }
}

TEST(BlockPool, GetsABlockBackFromItsLastOwnerOnly) {
    const auto pool = BlockPool::create(1);
    Block block = pool->take();
    std::memcpy(block.get(), "hello", 5);
    Bytes bytes;
    bytes.append(Slice{block, {block.get(), 5}});
    block.reset();
    EXPECT_EQ(pool->idle(), 0U);
    EXPECT_EQ(bytes.copy(), "hello");
    Bytes part = bytes.part(1, 3);
    bytes = Bytes();
    EXPECT_EQ(pool->idle(), 0U);
    EXPECT_EQ(part.copy(), "ell");
    part = Bytes();
    EXPECT_EQ(pool->idle(), 1U);
}

TEST(BlockPool, MayBeLetGoOfBeforeItsBlocks) {
    auto pool = BlockPool::create(4);
    const std::weak_ptr<BlockPool> watch = pool;
    Block one = pool->take();
    Block other = pool->take();
    pool.reset();
    one.reset();
    ASSERT_FALSE(watch.expired());
    EXPECT_EQ(watch.lock()->idle(), 1U);
    other[kBlockSize - 1] = 'x';
    other.reset();
    EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace gateway

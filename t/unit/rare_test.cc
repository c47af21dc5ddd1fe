// A value that is rarely set.
#include "core/rare.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace gateway {
namespace {

TEST(Rare, IsAPointerUntilItHasAValue) {
    static_assert(sizeof(Rare<std::array<char, 1000>>) == sizeof(void *));
    Rare<std::string> rare;
    EXPECT_FALSE(rare);
    EXPECT_FALSE(rare.has_value());
    rare.emplace(3, 'a');
    ASSERT_TRUE(rare);
    EXPECT_EQ(*rare, "aaa");
    rare = std::string("b");
    EXPECT_EQ(rare->size(), 1U);
    Rare<std::string> other = std::exchange(rare, Rare<std::string>());
    EXPECT_FALSE(rare);
    EXPECT_EQ(*other, "b");
    other.reset();
    EXPECT_FALSE(other);
}

}  // namespace
}  // namespace gateway

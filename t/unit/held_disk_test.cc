// The disk space of a worker: a bound for all, and a share for each caller when it is short.
#include "core/bytes/held_disk.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

constexpr HeldDisk::Owner kOne = {1, 1};
constexpr HeldDisk::Owner kOther = {2, 2};

TEST(HeldDiskTest, GivesACallerAllThatIsFreeUntilItIsShort) {
    const auto disk = HeldDisk::create({1000, 25});
    const auto first = disk->open(kOne);
    EXPECT_TRUE(first->hold(750));
    const auto second = disk->open(kOne);
    EXPECT_FALSE(second->hold(1)) << "it holds more than its share";
    const auto other = disk->open(kOther);
    EXPECT_TRUE(other->hold(250));
    EXPECT_FALSE(other->hold(251));
    EXPECT_EQ(disk->total(), 1000U);
}

TEST(HeldDiskTest, TakesBackWhatIsNoLongerHeld) {
    const auto disk = HeldDisk::create({1000, 25});
    auto first = disk->open(kOne);
    EXPECT_TRUE(first->hold(700));
    EXPECT_FALSE(first->hold(1001));
    EXPECT_EQ(first->held(), 700U);
    EXPECT_TRUE(first->hold(100));
    EXPECT_EQ(disk->total(), 100U);
    first.reset();
    EXPECT_EQ(disk->total(), 0U);
    EXPECT_FALSE(disk->open(kOther)->hold(1001));
    EXPECT_TRUE(disk->open(kOther)->hold(200));
}

}  // namespace
}  // namespace gateway

// Idempotency keys in use, where workers have no file of records to tell each other.
#include <gtest/gtest.h>

#include <vector>

#include "core/limits/keys_in_use.h"
#include "fake_ports.h"

namespace gateway {
namespace {

using Refusal = KeysInUse::Refusal;

class KeysInUseTest : public testing::Test {
 protected:
    static constexpr int32_t kOne = 1;
    static constexpr int32_t kTwo = 2;

    KeysInUseTest() { EXPECT_TRUE(KeysInUse::prepare(memory.region(), true, 7)); }
    KeysInUse worker(int32_t process) {
        return {memory, process, [this](int32_t other) { return other != dead; }};
    }
    static Account key(uint64_t number) { return {number * 0x9E3779B97F4A7C15, number + 1}; }
    static constexpr Moment kNow{0, 1'000};
    static constexpr int64_t kLater = 2'000;

    FakeMemory memory{2048};
    int32_t dead = 0;
};

TEST_F(KeysInUseTest, AKeyIsInUseInOneWorkerUntilItIsReleased) {
    KeysInUse one = worker(kOne);
    KeysInUse two = worker(kTwo);
    auto held = one.take(key(1), kNow, kLater);
    ASSERT_TRUE(held);
    EXPECT_EQ(two.take(key(1), kNow, kLater).error(), Refusal::in_use);
    EXPECT_TRUE(two.take(key(2), kNow, kLater)) << "another key is free";
    held->reset();
    EXPECT_TRUE(two.take(key(1), kNow, kLater));
}

TEST_F(KeysInUseTest, AWorkerThatDiedOrAHoldThatIsTooOldKeepsNothing) {
    KeysInUse one = worker(kOne);
    KeysInUse two = worker(kTwo);
    const auto first = one.take(key(1), kNow, kLater);
    const auto second = one.take(key(2), kNow, kLater);
    EXPECT_TRUE(two.take(key(2), {0, kLater + 1}, kLater + 1'000));
    dead = kOne;
    EXPECT_TRUE(two.take(key(1), kNow, kLater));
}

TEST_F(KeysInUseTest, WhoLostAKeyDoesNotReleaseItForItsNewHolder) {
    KeysInUse one = worker(kOne);
    KeysInUse two = worker(kTwo);
    auto old = one.take(key(1), kNow, kLater);
    const auto now_held = two.take(key(1), {0, kLater + 1}, kLater + 1'000);
    ASSERT_TRUE(now_held);
    old->reset();
    EXPECT_EQ(one.take(key(1), {0, kLater + 1}, kLater + 1'000).error(), Refusal::in_use);
}

TEST_F(KeysInUseTest, OthersSeeWhatADeadProcessHasHeldUntilTheyNeedThePlace) {
    KeysInUse one = worker(kOne);
    const auto held = one.take(key(1), kNow, kLater);
    one.take(key(3), kNow, kLater)->reset();
    dead = kOne;
    KeysInUse two = worker(kTwo);
    EXPECT_TRUE(two.was_held_by(kOne, key(1)));
    EXPECT_FALSE(two.was_held_by(kTwo, key(1)));
    EXPECT_FALSE(two.was_held_by(kOne, key(3))) << "it was released";
    EXPECT_TRUE(two.take(key(1), kNow, kLater));
    EXPECT_FALSE(two.was_held_by(kOne, key(1)));
}

TEST_F(KeysInUseTest, WithoutRoomNoKeyOfAnotherRequestIsForgotten) {
    KeysInUse one = worker(kOne);
    KeysInUse two = worker(kTwo);
    std::vector<std::shared_ptr<const KeysInUse::Hold>> held;
    uint64_t number = 0;
    for (;; ++number) {
        auto taken = one.take(key(number), kNow, kLater);
        if (!taken) {
            EXPECT_EQ(taken.error(), Refusal::full);
            break;
        }
        held.push_back(std::move(*taken));
    }
    ASSERT_GE(number, 8U);
    for (uint64_t i = 0; i < number; ++i) {
        EXPECT_EQ(two.take(key(i), kNow, kLater).error(), Refusal::in_use);
    }
    held.clear();
    EXPECT_TRUE(two.take(key(number), kNow, kLater));
}

TEST_F(KeysInUseTest, TheRegionIsTakenOverAsItIs) {
    KeysInUse one = worker(kOne);
    const auto held = one.take(key(1), kNow, kLater);
    EXPECT_TRUE(KeysInUse::prepare(memory.region(), false));
    EXPECT_EQ(worker(kTwo).take(key(1), kNow, kLater).error(), Refusal::in_use);
    EXPECT_FALSE(KeysInUse::prepare(memory.region().first(1024), false)) << "another layout";
}

}  // namespace
}  // namespace gateway

// The sliding minute, compared with a list of all events.
#include "core/limits/sliding_minute.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace gateway {
namespace {

TEST(SlidingMinute, CountsASecondAndTheSixtyBeforeIt) {
    SlidingMinute minute;
    minute.add(100, 3);
    EXPECT_EQ(minute.used(100), 3);
    EXPECT_EQ(minute.used(160), 3) << "a part of it may be less than sixty seconds ago";
    EXPECT_EQ(minute.used(161), 0);
}

TEST(SlidingMinute, SaysWhenThereIsRoomAgain) {
    SlidingMinute minute;
    minute.add(100, 2);
    minute.add(110, 2);
    EXPECT_EQ(minute.wait_for(120, 1, 4), 41);
    EXPECT_EQ(minute.wait_for(120, 3, 4), 51) << "only when the second two are gone, too";
    EXPECT_EQ(minute.until_unused(120), 51);
    EXPECT_EQ(minute.wait_for(160, 1, 4), 1);
    EXPECT_EQ(minute.until_unused(171), 0);
}

TEST(SlidingMinute, GivesBackOnlyWhatStillCounts) {
    SlidingMinute minute;
    minute.add(100, 3);
    minute.add(120, 2);
    minute.give_back(100, 1);
    EXPECT_EQ(minute.used(130), 4);
    minute.give_back(120, 5);
    EXPECT_EQ(minute.used(130), 2) << "no more than there was";
    minute.add(170, 1);
    minute.give_back(100, 2);
    EXPECT_EQ(minute.used(170), 1) << "its second is long gone";
}

TEST(SlidingMinute, AClockThatIsALittleBehindLosesNothing) {
    SlidingMinute minute;
    minute.add(200, 1);
    minute.add(199, 1);
    EXPECT_EQ(minute.used(199), 2);
    EXPECT_EQ(minute.used(260), 2);
    EXPECT_EQ(minute.used(261), 0);
}

TEST(SlidingMinute, AgreesWithAListOfAllThatHappened) {
    std::mt19937_64 random(7);
    SlidingMinute minute;
    struct Event {
        int64_t second;
        int64_t count;
    };
    std::vector<Event> events;
    int64_t now = 1000;
    for (int step = 0; step < 50'000; ++step) {
        now += static_cast<int64_t>(random() % 50 == 0 ? random() % 200 : random() % 3);
        if (!events.empty() && random() % 4 == 0) {
            Event &event =
                events[events.size() - 1 - random() % std::min<size_t>(events.size(), 40)];
            const int64_t back =
                event.count == 0 ? 0 : static_cast<int64_t>(random()) % (event.count + 1);
            const int64_t count = std::max<int64_t>(0, back);
            (void)minute.used(now);
            minute.give_back(event.second, count);
            event.count -= count;
        } else {
            const auto count = static_cast<int64_t>(random() % 5);
            minute.add(now, count);
            events.push_back({now, count});
        }
        int64_t expected = 0;
        for (size_t i = events.size() < 200 ? 0 : events.size() - 200; i < events.size(); ++i) {
            expected += events[i].second > now - 61 ? events[i].count : 0;
        }
        ASSERT_EQ(minute.used(now), expected) << "step " << step;
        const int64_t wait = minute.wait_for(now, 1, std::max<int64_t>(1, expected));
        int64_t then = 0;
        for (const Event &event : events) {
            then += event.second > now + wait - 61 ? event.count : 0;
        }
        ASSERT_LE(then + 1, std::max<int64_t>(1, expected)) << "step " << step;
    }
}

}  // namespace
}  // namespace gateway

// Hours, days, weeks and months of the UTC calendar.
#include "core/limits/budget.h"

#include <gtest/gtest.h>

#include "core/utc_time.h"

namespace gateway {
namespace {

std::string next(Period period, const char *now) {
    const auto end = end_of(period, number_of(period, *parse_time(now)));
    return end ? format_time(*end) : "never";
}

TEST(Period, EndsWhereTheCalendarSays) {
    EXPECT_EQ(next(Period::hour, "2027-01-15T10:59:59Z"), "2027-01-15T11:00:00Z");
    EXPECT_EQ(next(Period::day, "2027-12-31T00:00:00Z"), "2028-01-01T00:00:00Z");
    EXPECT_EQ(next(Period::week, "2027-01-15T10:00:00Z"), "2027-01-18T00:00:00Z") << "a Monday";
    EXPECT_EQ(next(Period::week, "2027-01-18T00:00:00Z"), "2027-01-25T00:00:00Z");
    EXPECT_EQ(next(Period::month, "2028-02-29T23:59:59Z"), "2028-03-01T00:00:00Z");
    EXPECT_EQ(next(Period::month, "2027-12-01T00:00:00Z"), "2028-01-01T00:00:00Z");
    EXPECT_EQ(next(Period::lifetime, "2027-12-01T00:00:00Z"), "never");
}

TEST(Period, BeginsWhereTheOneBeforeEnds) {
    for (const Period period : {Period::hour, Period::day, Period::week, Period::month}) {
        int64_t now = *parse_time("1999-12-25T13:14:15Z");
        for (int i = 0; i < 2000; ++i) {
            const int64_t number = number_of(period, now);
            ASSERT_LE(start_of(period, number), now);
            const int64_t end = *end_of(period, number);
            ASSERT_GT(end, now);
            ASSERT_EQ(number_of(period, end), number + 1) << format_time(end);
            ASSERT_EQ(number_of(period, end - 1), number);
            now = end + (i % 7) * 1000;
        }
    }
}

TEST(Period, IsKnownByItsName) {
    for (const Period period :
         {Period::hour, Period::day, Period::week, Period::month, Period::lifetime}) {
        EXPECT_EQ(period_named(name_of(period)), period);
    }
    EXPECT_FALSE(period_named("year"));
    EXPECT_FALSE(period_named(""));
}

TEST(UtcTime, IsWrittenAsItIsRead) {
    for (const char *text :
         {"1970-01-01T00:00:00Z", "2027-06-30T23:59:59Z", "2028-02-29T12:00:01Z"}) {
        EXPECT_EQ(format_time(*parse_time(text)), text);
    }
}

}  // namespace
}  // namespace gateway

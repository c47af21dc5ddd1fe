// The counters of traffic in shared memory.
#include "core/metrics/counters.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "fake_ports.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'800'000'000;

class CountersTest : public testing::Test {
 protected:
    CountersTest() { EXPECT_TRUE(Counters::prepare(memory.region(), true)); }

    static uint64_t sum(const Counters &counters, Series series) {
        uint64_t sum = 0;
        for (size_t i = 0; i < counters.rows(); ++i) {
            const Counters::RowView row = counters.at(i);
            sum += row.series == series ? counters.sum(row.cell) : 0;
        }
        return sum;
    }

    FakeMemory memory{Counters::size()};
    Counters counters{memory, 0};
    Counters other{memory, 1};  // another worker
};

TEST_F(CountersTest, AddUpWhatAllWorkersHaveCounted) {
    const Counters::Row row = counters.row(Series::retries, std::vector<std::string_view>{"p"});
    const Counters::Row same = other.row(Series::retries, std::vector<std::string_view>{"p"});
    EXPECT_EQ(row.cell, same.cell);
    EXPECT_EQ(counters.rows(), 1U);
    counters.add(row, 2);
    other.add(same, 3);
    EXPECT_EQ(counters.sum(row.cell), 5U);
}

TEST_F(CountersTest, LabelsDivideRows) {
    const Counters::Row a = counters.row(Series::skips, std::vector<std::string_view>{"ab", "c"});
    const Counters::Row b = counters.row(Series::skips, std::vector<std::string_view>{"a", "bc"});
    EXPECT_NE(a.cell, b.cell);
    counters.add(a, 1);
    EXPECT_EQ(counters.sum(b.cell), 0U);
}

TEST_F(CountersTest, GoOnUnderTheNextConfiguration) {
    counters.note_configuration(kNow);
    counters.add(counters.row(Series::retries, std::vector<std::string_view>{"p"}), 2);
    ASSERT_TRUE(Counters::prepare(memory.region(), false));
    Counters next(memory, 0);
    next.note_configuration(kNow + 60);
    next.add(next.row(Series::retries, std::vector<std::string_view>{"p"}), 1);
    EXPECT_EQ(sum(next, Series::retries), 3U);
    EXPECT_EQ(next.reloads(), 1U);
    EXPECT_EQ(next.loaded_at(), kNow + 60);
    EXPECT_EQ(next.counting_since(), kNow);
}

TEST_F(CountersTest, AMemoryOfAnotherLayoutIsNotTakenOver) {
    *reinterpret_cast<uint64_t *>(memory.region().data()) = 1;
    EXPECT_FALSE(Counters::prepare(memory.region(), false));
}

TEST_F(CountersTest, WithoutRoomForMoreLabelsNothingIsLost) {
    constexpr size_t kMany = 5'000;
    for (size_t i = 0; i < kMany; ++i) {
        const std::string name = "p" + std::to_string(i);
        counters.add(counters.row(Series::retries, std::vector<std::string_view>{name}), 1);
    }
    EXPECT_LE(counters.rows(), Counters::kRows);
    EXPECT_EQ(sum(counters, Series::retries), kMany);
    EXPECT_GT(counters.series_dropped(), 0U);
    counters.observe(
        counters.row(Series::request_duration, std::vector<std::string_view>{"edit", "p"}), 1);
    EXPECT_EQ(sum(counters, Series::request_duration), 1U);
}

TEST_F(CountersTest, HistogramsFillTheCellsUntilOnlyOtherIsLeft) {
    constexpr size_t kMany = 2'000;
    for (size_t i = 0; i < kMany; ++i) {
        const std::string name = std::to_string(i);
        counters.observe(
            counters.row(Series::attempt_duration, std::vector<std::string_view>{"p", name}), 1);
    }
    EXPECT_LT(counters.rows(), kMany);
    EXPECT_EQ(sum(counters, Series::attempt_duration), kMany);
}

TEST_F(CountersTest, LongLabelsAreShortened) {
    const std::string name(1'000, 'x');
    const std::vector<std::string_view> labels{name, name, name};
    (void)counters.row(Series::attempts, labels);  // all of them together are still too long
    (void)counters.row(Series::retries, std::span(labels).first(1));
    ASSERT_EQ(counters.rows(), 2U);
    EXPECT_EQ(counters.at(0).labels, std::string_view("other\0other\0other\0", 18));
    EXPECT_EQ(counters.at(1).labels.size(), Counters::kLongestLabel + 1);
}

TEST_F(CountersTest, AWorkerThatDiesTakesItsGaugesAndLeavesItsCounts) {
    bool is_alive = true;
    const auto alive = [&](int32_t process) { return process == 8 || is_alive; };
    ASSERT_TRUE(counters.enter_process(7, kNow, alive));
    ASSERT_TRUE(other.enter_process(8, kNow + 1, alive));
    counters.add(ProcessGauge::in_progress, 3);
    other.add(ProcessGauge::in_progress, 1);
    counters.add_call(5, 2);
    counters.add(counters.row(Series::retries, std::vector<std::string_view>{"p"}), 2);
    ASSERT_EQ(counters.processes(alive).size(), 2U);
    is_alive = false;
    const auto left = other.processes(alive);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(left[0].process, 8);
    EXPECT_EQ(left[0].since, kNow + 1);
    EXPECT_EQ(left[0][ProcessGauge::in_progress], 1);
    EXPECT_EQ(left[0].calls[5], 0);
    EXPECT_EQ(sum(other, Series::retries), 2U);
    Counters next(memory, 0);
    next.add(next.row(Series::retries, std::vector<std::string_view>{"p"}), 1);
    EXPECT_EQ(sum(other, Series::retries), 3U);
}

TEST_F(CountersTest, PlacesOfDeadWorkersAreTakenAgain) {
    const auto only_last = [](int32_t process) { return process > 1'000; };
    for (int32_t process = 1; process <= 1'000; ++process) {
        Counters one(memory);
        ASSERT_TRUE(one.enter_process(process, kNow, only_last)) << process;
    }
    const auto all_alive = [](int32_t) { return true; };
    ASSERT_TRUE(counters.enter_process(2'000, kNow, only_last));
    EXPECT_EQ(counters.processes(only_last).size(), 1U);
    EXPECT_FALSE(other.enter_process(2'001, kNow, all_alive));
    other.add(ProcessGauge::parked, 1);  // goes nowhere
    counters.leave_process();
    EXPECT_TRUE(other.enter_process(2'001, kNow, all_alive));
}

TEST_F(CountersTest, CountWhileManyThreadsAdd) {
    constexpr uint64_t kTimes = 10'000;
    const Counters::Row row = counters.row(Series::retries, std::vector<std::string_view>{"p"});
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (uint64_t n = 0; n < kTimes; ++n) {
                counters.add(row, 1);
                counters.count_minute(MinuteCell::requests, 1, kNow);
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    EXPECT_EQ(counters.sum(row.cell), 4 * kTimes);
    EXPECT_EQ(counters.minute(kNow / 60)[MinuteCell::requests], 4 * kTimes);
}

TEST_F(CountersTest, AMinuteEndsWithIts60Seconds) {
    counters.count_minute(MinuteCell::images, 2, kNow);
    counters.count_minute(MinuteCell::images, 3, kNow + 59);
    counters.count_minute(MinuteCell::images, 4, kNow + 60);
    counters.count_request(MinuteCell::refused, 2'000, kNow);
    EXPECT_EQ(counters.minute(kNow / 60)[MinuteCell::images], 5U);
    EXPECT_EQ(counters.minute(kNow / 60 + 1)[MinuteCell::images], 4U);
    EXPECT_EQ(counters.minute(kNow / 60 + 64)[MinuteCell::images], 0U) << "it has the same place";
    counters.count_minute(MinuteCell::images, 1, kNow + 64 * 60);
    EXPECT_EQ(counters.minute(kNow / 60)[MinuteCell::images], 0U);
    EXPECT_EQ(counters.minute(kNow / 60 + 64)[MinuteCell::images], 1U);
    EXPECT_EQ(quantile(counters.minute(kNow / 60).durations, 0.5), 1'750);
}

TEST_F(CountersTest, TheLastMinutesOfAProviderForgetEarlierOnes) {
    const size_t p = counters.provider("p");
    EXPECT_EQ(other.provider("p"), p);
    EXPECT_NE(other.provider("q"), p);
    EXPECT_EQ(other.find_provider("q"), std::optional<size_t>(1));
    EXPECT_FALSE(other.find_provider("r"));
    counters.count_attempt(p, OutcomeType::broken, 100, kNow);
    counters.count_attempt(p, OutcomeType::made, 20'000, kNow + 14 * 60);
    const ProviderSums all = other.last_minutes(p, kNow + 14 * 60);
    EXPECT_EQ(all.outcomes[static_cast<size_t>(OutcomeType::broken)], 1U);
    EXPECT_EQ(all.outcomes[static_cast<size_t>(OutcomeType::made)], 1U);
    const ProviderSums later = other.last_minutes(p, kNow + 15 * 60);
    EXPECT_EQ(later.outcomes[static_cast<size_t>(OutcomeType::broken)], 0U);
    EXPECT_EQ(quantile(later.durations, 1), 20'000);
}

TEST_F(CountersTest, MoreProvidersThanPlacesShareTheLastOne) {
    for (int i = 0; i < 200; ++i) {
        EXPECT_LT(counters.provider("p" + std::to_string(i)), Counters::kProviders);
    }
    EXPECT_EQ(counters.provider("new"), Counters::kProviders - 1);
    EXPECT_EQ(counters.provider("p3"), 3U);
}

TEST_F(CountersTest, AQuantileOfNothingIsNothing) {
    EXPECT_FALSE(quantile(ProviderSums().durations, 0.5));
    std::array<uint64_t, kDurationBounds + 1> durations{};
    durations.back() = 1;
    EXPECT_EQ(quantile(durations, 0.5), 900'000) << "more than that is not known";
    EXPECT_EQ(duration_bucket(900'000), kDurationBounds - 1);
    EXPECT_EQ(duration_bucket(900'001), kDurationBounds);
    EXPECT_EQ(duration_bucket(0), 0U);
}

TEST_F(CountersTest, AValueIsInTheBucketOfTheFirstBoundThatIsNotBelowIt) {
    for (const Series series : {Series::request_duration, Series::gen_ai_tokens}) {
        const std::span<const Bound> bounds = bounds_of(series);
        const auto by_search = [&](uint64_t value) {
            size_t bucket = 0;
            while (bucket < bounds.size() && static_cast<uint64_t>(bounds[bucket].value) < value) {
                ++bucket;
            }
            return bucket;
        };
        for (uint64_t value = 0; value < 20'000; ++value) {
            ASSERT_EQ(bucket_of(series, value), by_search(value)) << value;
        }
        for (const Bound &bound : bounds) {
            const auto value = static_cast<uint64_t>(bound.value);
            for (const uint64_t near : {value - 1, value, value + 1}) {
                ASSERT_EQ(bucket_of(series, near), by_search(near)) << near;
            }
        }
        EXPECT_EQ(bucket_of(series, UINT64_MAX), bounds.size());
    }
    EXPECT_EQ(duration_bucket(-1), 0U);
}

TEST_F(CountersTest, TheNewestFailuresComeFirst) {
    EXPECT_TRUE(counters.failures().empty());
    for (int i = 0; i < 200; ++i) {
        counters.note_failure({kNow + i, "req_" + std::to_string(i), "p", std::string(200, 'm'),
                               OutcomeType::broken, 500, "server_error"});
    }
    const std::vector<Failure> failures = other.failures();
    ASSERT_EQ(failures.size(), Counters::kFailures);
    EXPECT_EQ(failures[0].request_id, "req_199");
    EXPECT_EQ(failures.back().request_id, "req_150");
    EXPECT_EQ(failures[0].time, kNow + 199);
    EXPECT_EQ(failures[0].model.size(), Counters::kLongestLabel);
    EXPECT_EQ(failures[0].outcome, OutcomeType::broken);
    EXPECT_EQ(failures[0].status, 500);
    EXPECT_EQ(failures[0].code, "server_error");
}

TEST_F(CountersTest, TheReasonOfAKeysRestIsKept) {
    const size_t p = counters.provider("p");
    EXPECT_FALSE(other.key_reason(p, 0));
    counters.note_key(p, 0, OutcomeType::made);
    counters.note_key(p, 1, OutcomeType::throttled);
    counters.note_key(p, 1'000, OutcomeType::throttled);  // there is no room for it
    EXPECT_EQ(other.key_reason(p, 0), OutcomeType::made);
    EXPECT_EQ(other.key_reason(p, 1), OutcomeType::throttled);
    EXPECT_FALSE(other.key_reason(p, 1'000));
}

}  // namespace
}  // namespace gateway

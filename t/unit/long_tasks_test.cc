// Long tasks of the task pool: how many run, and whose turn is next.
#include "core/long_tasks.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "fake_ports.h"

namespace gateway {
namespace {

struct LongTasksTest : testing::Test {
    struct Asked {
        std::unique_ptr<Alarm> alarm;
        std::unique_ptr<LongTasks::Turn> turn;
    };

    // A task of the caller with this letter. Its letter is added to `begun` when its turn comes.
    Asked &ask(char caller) {
        Asked &asked = *all.emplace_back(std::make_unique<Asked>());
        asked.alarm =
            clock_loop.make_alarm([this, caller] { begun += caller; }, TimerKind::holds_exit);
        asked.turn = tasks->wait({static_cast<uint64_t>(caller), 0}, *asked.alarm);
        return asked;
    }
    std::string run() {
        clock_loop.advance(Milliseconds(0));
        return std::exchange(begun, {});
    }

    FakeClock clock;
    FakeLoop clock_loop{clock};
    std::shared_ptr<LongTasks> tasks = LongTasks::create({2, 1});
    std::vector<std::unique_ptr<Asked>> all;
    std::string begun;
};

TEST_F(LongTasksTest, RunAtOnceWhileThereArePlaces) {
    ask('a');
    ask('b');
    ask('c');
    EXPECT_EQ(run(), "ab");
    EXPECT_EQ(tasks->running(), 2U);
    EXPECT_EQ(tasks->waiting(), 1U);
    all[0]->turn.reset();
    EXPECT_EQ(run(), "c");
}

TEST_F(LongTasksTest, OfOneCallerDoNotKeepAnotherWaiting) {
    for (int i = 0; i < 5; ++i) {
        ask('a');
    }
    EXPECT_EQ(run(), "a");
    ask('b');
    EXPECT_EQ(run(), "b");
    ask('c');
    all[0]->turn.reset();
    EXPECT_EQ(run(), "c") << "tasks of a wait longer, but c had no turn yet";
    all[5]->turn.reset();
    EXPECT_EQ(run(), "a");
}

TEST_F(LongTasksTest, ThatAreNoLongerWantedLeaveTheQueue) {
    ask('a');
    ask('b');
    ask('c');
    ask('d');
    EXPECT_EQ(run(), "ab");
    all[2].reset();
    all[0].reset();
    EXPECT_EQ(run(), "d");
    all.clear();
    EXPECT_EQ(tasks->running() + tasks->waiting(), 0U);
}

TEST_F(LongTasksTest, AreAllServedWhateverTheOrderOfTheirEnds) {
    FakeRandom random(7);
    for (int i = 0; i < 60; ++i) {
        ask(static_cast<char>('a' + random.below(4)));
    }
    size_t ran = run().size();
    for (; tasks->running() > 0; ran += run().size()) {
        ASSERT_LE(tasks->running(), 2U);
        std::vector<LongTasksTest::Asked *> running;
        for (auto &asked : all) {
            if (asked->turn != nullptr && asked->turn->has_begun()) {
                running.push_back(asked.get());
            }
        }
        running[random.below(running.size())]->turn.reset();
    }
    EXPECT_EQ(ran, 60U);
    EXPECT_EQ(tasks->waiting(), 0U);
}

}  // namespace
}  // namespace gateway

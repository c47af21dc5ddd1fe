// Damage to the state file while it is in use: it is noticed, nothing that counts is lost, and the
// damaged file is kept.
#include "state/state_keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <thread>

#include "state_directory.h"

namespace gateway {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMemory = 7;

class StateKeeperTest : public StateDirectoryTest {
 protected:
    // In all, by the key "a".
    static void write_spent(StateKeeper &keeper, MicroUsd usd) {
        KeySpending sums;
        sums.key = "a";
        sums.spent[static_cast<size_t>(Period::lifetime)] = {0, usd};
        auto file = keeper.file();
        ASSERT_TRUE(file) << file.error().text;
        ASSERT_TRUE((*file)->write({}, kMemory, std::span(&sums, 1)));
    }
    static Balance counted(MicroUsd usd) {
        Balance balance;
        balance.spent.push_back({"a", Period::lifetime, 0, usd, usd});
        balance.images.push_back({Party::Kind::key, "a", {1, 2}, 7});
        return balance;
    }
    // "40 usd, 7 images"
    static std::string read(StateKeeper &keeper) {
        auto file = keeper.file();
        if (!file) {
            return file.error().text;
        }
        const auto balance = (*file)->read(kNow, kMemory + 1);
        std::string all;
        for (const Balance::Spent &one : balance->spent) {
            all += one.period == Period::lifetime ? std::to_string(one.usd) + " usd" : "";
        }
        for (const Balance::Images &one : balance->images) {
            all += ", " + std::to_string(one.images) + " images";
        }
        return all;
    }
    std::string aside() const {
        for (const auto &entry : fs::directory_iterator(directory)) {
            const std::string name = entry.path().filename();
            if (name.starts_with("state.db.damaged-") && !name.ends_with("-wal") &&
                !name.ends_with("-shm")) {
                return name;
            }
        }
        return "";
    }
    static void damage_pages(const std::string &path) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(4096);
        file << std::string(fs::file_size(path) - 4096, 'x');
    }
};

TEST_F(StateKeeperTest, NoticesWhateverHappensToItAndWritesAnewWhatCounts) {
    const struct {
        const char *what;
        std::function<void()> act;
        bool is_put_aside;
    } kRows[] = {
        {"was removed", [&] { fs::remove(path); }, false},
        {"was replaced by another file",
         [&] {
             std::ofstream(path + ".new") << "no database at all";
             fs::rename(path + ".new", path);
         },
         true},
        {"was truncated", [&] { fs::resize_file(path, 0); }, true},
        {"has lost its -wal", [&] { fs::remove(path + "-wal"); }, true},
    };
    for (const auto &row : kRows) {
        fs::remove_all(directory);
        fs::create_directory(directory);
        StateKeeper first(path);
        StateKeeper second(path);  // of another worker
        write_spent(first, 40);
        ASSERT_EQ(read(second), "40 usd");
        row.act();
        for (StateKeeper *keeper : {&first, &second}) {
            const auto file = keeper->file();
            ASSERT_FALSE(file) << row.what;
            EXPECT_EQ(file.error().kind, StateProblem::Kind::damaged);
            EXPECT_EQ(file.error().text,
                      keeper == &first ? row.what : "was replaced by another file");
            const auto rebuilt = keeper->rebuild(counted(50), kMemory, kNow);
            ASSERT_TRUE(rebuilt) << row.what << ": " << rebuilt.error().text;
            EXPECT_NE(keeper->take_note().find(keeper == &first ? row.what : "was replaced"),
                      std::string::npos);
            EXPECT_EQ(read(*keeper), "50 usd, 7 images");
        }
        EXPECT_EQ(aside().empty(), !row.is_put_aside) << row.what;
        write_spent(second, 53);
        EXPECT_EQ(read(first), "53 usd, 7 images") << "both have the same file";
    }
}

TEST_F(StateKeeperTest, PutsAsideWhatWasInTheWalAsWell) {
    StateKeeper keeper(path);
    write_spent(keeper, 40);
    fs::remove(path + "-wal");
    ASSERT_FALSE(keeper.file());
    ASSERT_TRUE(keeper.rebuild(counted(50), kMemory, kNow));
    ASSERT_EQ(aside(), "state.db.damaged-20270115T103000Z");
    StateKeeper old(directory + "/" + aside());
    EXPECT_EQ(read(old), "40 usd") << "for people to look at";
}

TEST_F(StateKeeperTest, TakesAnotherFileOfOursThatHasMore) {
    {
        StateKeeper backup(directory + "/backup.db");
        write_spent(backup, 90);
    }
    StateKeeper keeper(path);
    write_spent(keeper, 40);
    fs::rename(directory + "/backup.db", path);
    ASSERT_FALSE(keeper.file());
    ASSERT_TRUE(keeper.rebuild(counted(50), kMemory, kNow));
    EXPECT_EQ(read(keeper), "90 usd, 7 images");
    EXPECT_EQ(aside(), "");
}

TEST_F(StateKeeperTest, FindsADamagedPage) {
    {
        StateKeeper keeper(path);
        UsageBatch batch;
        for (int i = 0; i < 500; ++i) {
            UsageRecord record;
            record.unix_milliseconds = kNow * 1000;
            record.request_id = std::string(100, 'r');
            batch.add(record);
        }
        ASSERT_TRUE((*keeper.file())->write(batch, kMemory, {}));
        EXPECT_FALSE(StateKeeper::check(path, {}));
    }
    damage_pages(path);
    StateKeeper keeper(path);
    (void)keeper.file();
    const auto found = StateKeeper::check(path, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(found->problem.kind, StateProblem::Kind::damaged);
    keeper.note_found(*found);
    ASSERT_FALSE(keeper.file());
    ASSERT_TRUE(keeper.rebuild(counted(50), kMemory, kNow));
    EXPECT_EQ(read(keeper), "50 usd, 7 images");
    EXPECT_NE(aside(), "");
}

TEST_F(StateKeeperTest, DoesNothingAboutDamageOfAFileThatIsNotInUseAnyMore) {
    StateKeeper keeper(path);
    write_spent(keeper, 40);
    StateKeeper::Found found;
    found.problem = {"page 7", StateProblem::Kind::damaged};
    found.inode = 1;
    keeper.note_found(found);
    ASSERT_TRUE(keeper.file());
    const auto file = keeper.rebuild(counted(50), kMemory, kNow);
    ASSERT_TRUE(file) << file.error().text;
    EXPECT_EQ(read(keeper), "50 usd, 7 images") << "what was to be written anew is there";
    EXPECT_EQ(aside(), "");
}

TEST_F(StateKeeperTest, IsWrittenToWhileItIsChecked) {
    StateKeeper keeper(path);
    UsageBatch batch;
    for (int i = 0; i < 5000; ++i) {
        UsageRecord record;
        record.unix_milliseconds = kNow * 1000;
        record.request_id = std::string(100, 'r');
        batch.add(record);
    }
    ASSERT_TRUE((*keeper.file())->write(batch, kMemory, {}));
    std::atomic<bool> is_checked = false;
    int writes = 0;
    std::thread writer([&] {
        do {
            write_spent(keeper, 40 + ++writes);
        } while (!is_checked);
    });
    const auto found = StateKeeper::check(path, {});
    is_checked = true;
    writer.join();
    EXPECT_FALSE(found);
    EXPECT_EQ(read(keeper), std::to_string(40 + writes) + " usd");
}

TEST_F(StateKeeperTest, EndsACheckThatNobodyNeedsBeforeAllPagesAreRead) {
    {
        ASSERT_TRUE(StateKeeper(path).file());
        auto database = Database::open(path);
        ASSERT_TRUE(database &&
                    database->run("INSERT INTO usage (time, unix_ms, request_id, images,"
                                  "  images_lost, counted_usd, latency_ms, status)"
                                  " WITH RECURSIVE n(x) AS"
                                  "  (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 200000)"
                                  " SELECT printf('%0.300d', x), x, '', 0, 0, 0, 0, 0 FROM n"));
    }
    const auto time_of_check = [&](bool is_over) {
        const auto began = std::chrono::steady_clock::now();
        EXPECT_FALSE(StateKeeper::check(path, [=] { return is_over; }));
        return std::chrono::steady_clock::now() - began;
    };
    const auto whole = time_of_check(false);
    auto best = whole;
    for (int i = 0; i < 5; ++i) {
        best = std::min(best, time_of_check(true));
    }
    EXPECT_LT(best, whole / 4) << best.count() << " of " << whole.count() << " ns";
}

TEST_F(StateKeeperTest, KnowsAFileWhoseHeaderIsDestroyedIfItWasWrittenTo) {
    {
        StateKeeper keeper(path);
        write_spent(keeper, 40);
    }
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << std::string(100, 'x');
    StateKeeper young(path);  // of a worker that has never seen the file as it was
    const auto file = young.file({kMemory, true});
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().kind, StateProblem::Kind::damaged);
    ASSERT_TRUE(young.rebuild(counted(50), kMemory, kNow));
    EXPECT_EQ(read(young), "50 usd, 7 images");
    EXPECT_NE(aside(), "");
}

TEST_F(StateKeeperTest, LeavesAloneAFileThatWasNeverOurs) {
    std::ofstream(path) << std::string(8192, 'x');
    StateKeeper keeper(path);
    const auto file = keeper.file();
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().kind, StateProblem::Kind::other) << "and so it is not rebuilt";
    EXPECT_EQ(fs::file_size(path), 8192U);
    EXPECT_EQ(aside(), "");
}

}  // namespace
}  // namespace gateway

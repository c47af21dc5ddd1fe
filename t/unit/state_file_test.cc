// The state file: what is written is read back, completely or not at all.
#include "state/state_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "core/access/key_ring.h"
#include "state/schema.h"
#include "state_directory.h"

namespace gateway {
namespace {

class StateFileTest : public StateDirectoryTest {
 protected:
    StateFile open() {
        auto file = StateFile::open(path);
        EXPECT_TRUE(file) << file.error().text;
        return std::move(*file);
    }
    static UsageRecord record(const std::string &key, MicroUsd counted, int64_t now = kNow) {
        UsageRecord record;
        record.unix_milliseconds = now * 1000;
        record.request_id = "req_1";
        record.key = key;
        record.budget_account = account_of_key(key);
        record.images = 1;
        record.counted = counted;
        record.status = 200;
        return record;
    }
    static UsageBatch batch(std::vector<UsageRecord> records) {
        UsageBatch all;
        for (UsageRecord &record : records) {
            all.add(std::move(record));
        }
        return all;
    }
    // "team-a month 40000"
    static std::string spent_of(const Balance &balance, Period period) {
        std::string all;
        for (const Balance::Spent &spent : balance.spent) {
            if (spent.period == period) {
                all += (all.empty() ? "" : ", ") + spent.key + " " + std::to_string(spent.usd);
            }
        }
        return all;
    }
    std::string ask(const std::string &sql) {
        auto database = Database::open(path);
        Statement statement = database->prepare(sql);
        EXPECT_EQ(statement.next(), Statement::Step::row) << database->problem().text;
        return statement.text(0);
    }

    // What a ledger's memory says of keys.
    struct BudgetMemory {
        uint64_t id = 1;
        std::map<std::string, KeySpending> sums{};

        void spend(const std::string &key, MicroUsd usd, int64_t now) {
            KeySpending &sum = sums[key];
            sum.key = key;
            for (size_t i = 0; i < kPeriods; ++i) {
                sum.spent[i].add(number_of(static_cast<Period>(i), now), usd);
            }
        }
        void write(StateFile &file) const {
            std::vector<KeySpending> all;
            for (const auto &[key, sum] : sums) {
                all.push_back(sum);
            }
            const auto written = file.write({}, id, all);
            EXPECT_TRUE(written) << written.error().text;
        }
    };
};

TEST_F(StateFileTest, HasWhatTheMemorySaysHoweverOftenItIsWritten) {
    BudgetMemory memory;
    {
        StateFile file = open();
        memory.spend("a", 40'000, kNow - 3600);
        memory.write(file);
        memory.spend("a", 2, kNow);
        memory.spend("b", 10'000, kNow);
        memory.write(file);
        memory.write(file);  // as a worker that did not live to hear that it was written
    }
    const auto balance = open().read(kNow, 2);
    ASSERT_TRUE(balance) << balance.error().text;
    EXPECT_EQ(spent_of(*balance, Period::hour), "a 2, b 10000");
    EXPECT_EQ(spent_of(*balance, Period::day), "a 40002, b 10000");
    EXPECT_EQ(spent_of(*balance, Period::week), "a 40002, b 10000");
    EXPECT_EQ(spent_of(*balance, Period::month), "a 40002, b 10000");
    EXPECT_EQ(spent_of(*balance, Period::lifetime), "a 40002, b 10000");
    EXPECT_EQ(spent_of(*open().read(kNow + 86400 * 31, 2), Period::month), "");
}

TEST_F(StateFileTest, AnEarlierSumThatIsWrittenLateTakesNothingBack) {
    BudgetMemory memory;
    memory.spend("a", 5, kNow - 3600);
    const BudgetMemory earlier = memory;
    memory.spend("a", 7, kNow);
    StateFile file = open();
    memory.write(file);
    earlier.write(file);
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::hour), "a 7");
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::lifetime), "a 12");
    earlier.write(file);
    memory.write(file);
    EXPECT_EQ(ask("SELECT sum(micro_usd) FROM spent WHERE per = 'hour'"), "12");
}

TEST_F(StateFileTest, AddsUpWhatDifferentMemoriesSay) {
    BudgetMemory old{.id = 1};
    BudgetMemory young{.id = 2};
    old.spend("a", 100, kNow);
    young.spend("a", 30, kNow);
    StateFile file = open();
    old.write(file);
    young.write(file);
    old.spend("a", 1, kNow);
    old.write(file);
    EXPECT_EQ(spent_of(*file.read(kNow, 3), Period::day), "a 131");
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::day), "a 101") << "without its own";
    EXPECT_EQ(spent_of(*file.read(kNow, 1), Period::day), "a 30");
}

// As the first gateway made it: without `written`, and without what came after it.
constexpr const char *kFirstVersion = R"sql(
PRAGMA application_id = 0x69677773;
PRAGMA user_version = 1;
CREATE TABLE spent (key TEXT NOT NULL, per TEXT NOT NULL, since INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL, PRIMARY KEY (key, per, since)) WITHOUT ROWID;
CREATE TABLE day_images (day INTEGER NOT NULL, account TEXT NOT NULL, kind INTEGER NOT NULL,
    key TEXT NOT NULL, images INTEGER NOT NULL, PRIMARY KEY (day, account)) WITHOUT ROWID;
CREATE TABLE usage (time TEXT NOT NULL, unix_ms INTEGER NOT NULL, request_id TEXT NOT NULL,
    key TEXT, end_user TEXT, model_requested TEXT, provider TEXT, model TEXT,
    images INTEGER NOT NULL, images_lost INTEGER NOT NULL, cost_usd REAL,
    counted_usd REAL NOT NULL, latency_ms INTEGER NOT NULL, status INTEGER NOT NULL,
    outcome TEXT);
CREATE INDEX usage_by_time ON usage (unix_ms);
INSERT INTO spent VALUES ('a', 'day', 1799971200, 100);
)sql";

constexpr const char *kWrittenOfVersion1 = R"sql(
CREATE TABLE written (purses INTEGER NOT NULL, key TEXT NOT NULL, per TEXT NOT NULL,
    since INTEGER NOT NULL, micro_usd INTEGER NOT NULL,
    PRIMARY KEY (purses, key, per, since)) WITHOUT ROWID;
INSERT INTO written VALUES (1, 'a', 'day', 1799971200, 100);
)sql";

TEST_F(StateFileTest, GoesOnWithAFileOfAnEarlierGateway) {
    {
        auto database = Database::open(path);
        ASSERT_TRUE(database->run(kFirstVersion)) << database->problem().text;
    }
    StateFile file = open();
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::day), "a 100");
    BudgetMemory memory{.id = 2};
    memory.spend("a", 5, kNow);
    memory.write(file);
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::day), "a 100");
    EXPECT_EQ(spent_of(*file.read(kNow, 3), Period::day), "a 105");
}

TEST_F(StateFileTest, MigratesAFileOnceAndSoThatTheEarlierGatewayCanStillWriteToIt) {
    auto earlier = Database::open(path);
    ASSERT_TRUE(earlier->run(kFirstVersion) && earlier->run(kWrittenOfVersion1));
    for (int i = 0; i < 2; ++i) {
        StateFile file = open();
        EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::day), "a 100");
        EXPECT_EQ(spent_of(*file.read(kNow, 1), Period::day), "a 0") << "counted in its memory";
    }
    EXPECT_EQ(ask("SELECT group_concat(level) FROM migrations"), "1,2,3");
    EXPECT_EQ(ask("SELECT group_concat(id) FROM memories"), "1");
    EXPECT_EQ(ask("PRAGMA user_version"), "1") << "which the earlier gateway wants to see";
    EXPECT_TRUE(
        earlier->run("INSERT INTO spent (key, per, since, micro_usd) VALUES"
                     " ('a', 'day', 1799971200, 7) ON CONFLICT DO UPDATE SET"
                     " micro_usd = micro_usd + excluded.micro_usd;"
                     "INSERT OR REPLACE INTO written (purses, key, per, since, micro_usd)"
                     " VALUES (1, 'a', 'day', 1799971200, 107)"));
    EXPECT_EQ(spent_of(*open().read(kNow, 2), Period::day), "a 107");
}

TEST_F(StateFileTest, AMigrationThatFailsLeavesTheFileAsItWas) {
    auto database = Database::open(path);
    ASSERT_TRUE(database->run(kFirstVersion));
    const Migration broken[] = {{1, "CREATE TABLE first (a)"}, {2, "CREATE TABLE second ("}};
    EXPECT_FALSE(prepare_schema(*database, broken));
    EXPECT_EQ(ask("SELECT count(*) FROM sqlite_master WHERE name IN ('first', 'migrations')"), "0");
    EXPECT_EQ(ask("PRAGMA user_version"), "1");
    const Migration mended[] = {{1, "CREATE TABLE first (a)"}, {2, "CREATE TABLE second (a)"}};
    ASSERT_TRUE(prepare_schema(*database, mended));
    EXPECT_EQ(ask("PRAGMA user_version"), "2");
    const auto file = StateFile::open(path);
    ASSERT_FALSE(file) << "version 2 is one that this gateway does not know";
    EXPECT_EQ(
        file.error().text,
        "was made by a later version of the gateway: it has version 2, and this gateway reads "
        "up to 1");
    EXPECT_EQ(ask("SELECT micro_usd FROM spent"), "100");
}

TEST_F(StateFileTest, ForgetsWhatWasWrittenOfMemoriesThatNobodyCountsIn) {
    constexpr int64_t kMonth = 31 * 86400;
    StateFile file = open();
    for (const uint64_t id :
         {1U, 2U, 3U}) {  // 1: nginx as it ran before; 3: another one on this file
        BudgetMemory memory{.id = id};
        for (int key = 0; key < 1000; ++key) {
            memory.spend("k" + std::to_string(key), 1, kNow);
        }
        memory.write(file);
    }
    const auto forget = [&](int64_t now, uint64_t memory) {
        bool more = true;
        while (more) {
            const auto forgotten = file.forget(now, 90 * 86400, memory);
            EXPECT_TRUE(forgotten) << forgotten.error().text;
            more = *forgotten;
        }
    };
    forget(kNow, 2);
    EXPECT_EQ(ask("SELECT count(*) FROM written"), "15000");
    forget(kNow + kMonth, 3);
    forget(kNow + 3 * kMonth, 2);
    EXPECT_EQ(ask("SELECT count(*) FROM written WHERE per = 'lifetime' AND purses = 1"), "0");
    EXPECT_EQ(ask("SELECT count(*) FROM written WHERE per = 'lifetime' AND purses = 2"), "1000");
    EXPECT_EQ(ask("SELECT count(*) FROM written WHERE per = 'lifetime' AND purses = 3"), "1000");
    EXPECT_EQ(ask("SELECT group_concat(id) FROM memories"), "2,3");
    EXPECT_EQ(ask("SELECT sum(micro_usd) FROM spent WHERE per = 'lifetime'"), "3000");
}

TEST_F(StateFileTest, LooksForPeriodsByAnIndex) {
    (void)open();
    auto database = Database::open(path);
    for (const char *table : {"spent", "written"}) {
        Statement plan = database->prepare(
            std::string("EXPLAIN QUERY PLAN SELECT key FROM ") + table +
            " WHERE per IN ('hour', 'day', 'week', 'month') AND since < 7 LIMIT 2000");
        ASSERT_EQ(plan.next(), Statement::Step::row);
        EXPECT_NE(plan.text(3).find(std::string(table) + "_by_period"), std::string::npos)
            << plan.text(3);
    }
}

TEST_F(StateFileTest, KeepsTheImagesOfTheDay) {
    UsageRecord made = record("a", 0);
    made.day_counts = {{Party::Kind::end_user, {0x123456789abcdef0, 0xfedcba9876543210}, 3}};
    ASSERT_TRUE(open().write(batch({made, made}), 1, {}));
    const auto balance = open().read(kNow, 1);
    ASSERT_EQ(balance->images.size(), 1U);
    EXPECT_EQ(balance->images[0].images, 6);
    EXPECT_EQ(balance->images[0].account, (Account{0x123456789abcdef0, 0xfedcba9876543210}));
    EXPECT_EQ(balance->images[0].kind, Party::Kind::end_user);
    EXPECT_EQ(balance->images[0].key, "a");
    EXPECT_TRUE(open().read(kNow + 86400, 1)->images.empty());
}

TEST_F(StateFileTest, HasARowForEachRequestThatPeopleCanAskFor) {
    UsageRecord made = record("team-a", 40'000);
    made.end_user = "alice'; DROP TABLE usage; --";
    made.provider = "openai";
    made.cost = 39'000;
    UsageRecord unknown = record("", 0);
    ASSERT_TRUE(open().write(batch({made, unknown}), 1, {}));
    EXPECT_EQ(ask("SELECT end_user || provider || cost_usd || counted_usd || time FROM usage"
                  " WHERE key = 'team-a'"),
              made.end_user + "openai0.0390.042027-01-15T10:30:00Z");
    EXPECT_EQ(ask("SELECT count(*) FROM usage WHERE key IS NULL AND cost_usd IS NULL"), "1");
}

TEST_F(StateFileTest, ForgetsOldRowsButNoMoney) {
    StateFile file = open();
    std::vector<UsageRecord> old(3000, record("a", 1, kNow - 100 * 86400));
    old.push_back(record("a", 1));
    ASSERT_TRUE(file.write(batch(old), 1, {}));
    BudgetMemory memory;
    memory.spend("a", 3000, kNow - 100 * 86400);
    memory.write(file);
    memory.spend("a", 1, kNow);
    memory.write(file);
    EXPECT_TRUE(*file.forget(kNow, 86400, 1)) << "not all at once";
    EXPECT_FALSE(*file.forget(kNow, 86400, 1));
    EXPECT_EQ(ask("SELECT count(*) FROM usage"), "1");
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::lifetime), "a 3001");
    EXPECT_EQ(ask("SELECT count(*) FROM written WHERE per = 'hour'"), "1");
    EXPECT_EQ(ask("SELECT count(*) FROM spent WHERE per = 'hour'"), "1");
}

TEST_F(StateFileTest, LeavesAloneWhatIsNotItsOwn) {
    {
        auto database = Database::open(path);
        ASSERT_TRUE(database->run("CREATE TABLE customers (name TEXT)"));
    }
    const auto file = StateFile::open(path);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().text, "is a database of something else");
    std::ofstream(path, std::ios::trunc) << std::string(8192, 'x');
    EXPECT_FALSE(StateFile::open(path)) << "no database at all";
    EXPECT_FALSE(StateFile::open(directory + "/none/state.db"));
    EXPECT_FALSE(StateFile::open(directory));
}

TEST_F(StateFileTest, CanBeReadByItsOwnerOnlyFromTheFirstMomentOn) {
    const auto modes = [&] {
        std::string all;
        for (const char *ending : {"", "-wal", "-shm"}) {
            struct stat status {};
            EXPECT_EQ(stat((path + ending).c_str(), &status), 0) << ending;
            all += std::to_string(status.st_mode & 0777) + " ";
        }
        return all;
    };
    const mode_t before = umask(0);
    {
        StateFile file = open();
        EXPECT_EQ(file.note(), "");
        BudgetMemory memory;
        memory.spend("a", 1, kNow);
        memory.write(file);
        EXPECT_EQ(modes(), "384 384 384 ") << "0600";
        for (const char *ending : {"", "-wal", "-shm"}) {
            chmod((path + ending).c_str(), 0644);
        }
        StateFile again = open();
        EXPECT_NE(again.note().find("could be read by others; its mode is 0600 now"),
                  std::string::npos);
        EXPECT_EQ(modes(), "384 384 384 ");
        EXPECT_EQ(open().note(), "");
    }
    umask(before);
}

TEST_F(StateFileTest, IsNotALinkThatSomebodyElseMadeNorAPipe) {
    const std::string elsewhere = directory + "/elsewhere.db";
    ASSERT_EQ(symlink(elsewhere.c_str(), path.c_str()), 0);
    EXPECT_TRUE(StateFile::open(path)) << "a link of our own may lead to another disk";
    if (geteuid() == 0) {
        ASSERT_EQ(lchown(path.c_str(), 65534, 65534), 0);
        const auto file = StateFile::open(path);
        ASSERT_FALSE(file);
        EXPECT_EQ(file.error().text, "is a symbolic link that somebody else has made");
    }
    std::filesystem::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    const auto file = StateFile::open(path);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().text, "is not a regular file");
}

TEST_F(StateFileTest, SaysWhenItCannotBeWrittenTo) {
    StateFile file = open();
    BudgetMemory memory;
    memory.spend("a", 1, kNow);
    memory.write(file);
    auto other = Database::open(path);
    ASSERT_TRUE(other->run("DROP TABLE usage"));
    memory.spend("a", 10, kNow);
    const std::vector<KeySpending> sums = {memory.sums["a"]};
    const auto written = file.write(batch({record("a", 10)}), 1, sums);
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().text.find("usage"), std::string::npos);
    EXPECT_EQ(spent_of(*file.read(kNow, 2), Period::lifetime), "a 1") << "nothing of it";
}

TEST(UsageBatchTest, NeverForgetsWhoHasSpentHoweverManyRowsThereAre) {
    UsageBatch batch;
    UsageBatch earlier;
    UsageRecord record;
    record.unix_milliseconds = kNow * 1000;
    record.key = "a";
    record.budget_account = account_of_key("a");
    record.counted = 1;
    for (int i = 0; i < 40'000; ++i) {
        batch.add(record);
        earlier.add(record);
    }
    batch.put_first(std::move(earlier));
    EXPECT_EQ(batch.rows().size(), 50'000U);
    EXPECT_EQ(batch.rows_dropped(), 30'000U);
    record.key = "b";
    record.budget_account = account_of_key("b");
    batch.add(record);
    record.budget_account = {};  // of a token that names no key
    batch.add(record);
    EXPECT_EQ(batch.payers(), (std::set<Account>{account_of_key("a"), account_of_key("b")}));
}

}  // namespace
}  // namespace gateway

// Accounts that gateways share, over a server that the test plays.
#include <gtest/gtest.h>

#include "core/limits/claim.h"
#include "fake_ports.h"
#include "fake_redis.h"
#include "ledger_parties.h"
#include "redis/redis_accounts.h"

namespace gateway {
namespace {

class RedisAccountsTest : public ::testing::Test {
 protected:
    void start(bool refuse = false) {
        RedisAccounts::Settings settings;
        settings.address = *parse_redis_address("redis://h");
        settings.refuse = refuse;
        accounts.emplace(
            settings, ledger, 1,
            RedisClient::Parts{streams, world.clock, world.loop, world.random, world.log});
        pass(0);
    }
    ~RedisAccountsTest() override {
        claim.reset();
        accounts.reset();
        EXPECT_EQ(world.loop.running(), 0U);
    }

    void pass(int64_t milliseconds) { world.loop.advance(Milliseconds(milliseconds)); }
    void greet(const std::string &run_id = "run1") {
        streams.accept();
        (void)streams.take();
        const std::string info = "\nrun_id:" + run_id + "\r\n";
        streams.reply("$" + std::to_string(info.size()) + "\r\n" + info + "\r\n$2\r\nha\r\n");
        (void)streams.take();
        streams.reply("*2\r\n$4\r\nopen\r\n:0\r\n");
    }
    void enter() {
        claim.emplace(*accounts);
        claim->enter({key_party(1, limits, budgets)}, Milliseconds(60'000), [this](auto result) {
            entered = result ? "yes" : std::string(limit_word(result.error()));
        });
    }
    // What was asked since the last call: operation, and what follows the id.
    std::vector<std::string> asked() {
        std::vector<std::string> all;
        for (const auto &words : streams.take()) {
            std::string line = words.at(6);
            if (line == "put") {
                line += " " + words.at(10);
            }
            all.push_back(line);
        }
        return all;
    }
    void admit() {
        streams.reply("*7\r\n$2\r\nok\r\n:1800000000\r\n:1\r\n:61\r\n:0\r\n:0\r\n:0\r\n");
    }
    void confirm() { streams.reply("*2\r\n$2\r\nok\r\n:1800000000\r\n"); }
    [[nodiscard]] int64_t used_here(size_t row) {
        return ledger.use_of(account(1), {world.clock.unix_seconds(), world.clock.now().count()})
            .used[row];
    }

    FakeWorld world;
    FakeStreams streams;
    FakeMemory memory{256 * 1024};
    bool prepared = Ledger::prepare(memory.region(), true);
    Ledger ledger{memory, memory.budgets()};
    Limits limits{.requests_per_minute = 5, .concurrent = 3};
    std::vector<Budget> budgets;
    std::optional<RedisAccounts> accounts;
    std::optional<Claim> claim;
    std::string entered;
};

using Words = std::vector<std::string>;

TEST_F(RedisAccountsTest, ARequestEntersWhenRedisSaysSo) {
    start();
    enter();
    EXPECT_EQ(entered, "");
    greet();
    EXPECT_EQ(asked(), (Words{"enter"}));
    admit();
    EXPECT_EQ(entered, "yes");
    EXPECT_EQ(claim->quotas().requests.remaining, 4);
    claim->settle(0, 0, 0);
    EXPECT_EQ(asked(), (Words{"put closed"}));
    EXPECT_EQ(accounts->unconfirmed(), 1U);
    confirm();
    EXPECT_EQ(accounts->unconfirmed(), 0U);
}

TEST_F(RedisAccountsTest, WhatRedisRefusesIsNotCountedHere) {
    start(), greet(), enter();
    streams.reply("*4\r\n$5\r\nlimit\r\n:1\r\n:1\r\n:17\r\n");
    EXPECT_EQ(entered, "requests_per_minute");
    EXPECT_EQ(used_here(0), 0);
    EXPECT_EQ(used_here(1), 0);
    claim->settle(0, 0, 0);
    EXPECT_EQ(asked(), (Words{"enter"}));
}

TEST_F(RedisAccountsTest, WhatThisMachineHasUsedUpIsRefusedWithoutAQuestion) {
    limits = {.requests_per_minute = 1};
    start(), greet(), enter(), admit();
    claim->settle(0, 0, 0);
    (void)streams.take();
    enter();
    EXPECT_EQ(entered, "requests_per_minute");
    EXPECT_EQ(asked(), Words{});
}

TEST_F(RedisAccountsTest, ARequestThatLeavesBeforeTheAnswerIsUndone) {
    start(), greet(), enter();
    claim.reset();
    EXPECT_EQ(asked(), (Words{"enter", "put undone"}));
    EXPECT_EQ(used_here(0), 0);
    admit(), confirm();
    EXPECT_EQ(accounts->unconfirmed(), 0U);
    EXPECT_EQ(entered, "");
}

TEST_F(RedisAccountsTest, WithoutAReplyItIsServedAndToldLater) {
    start(), greet(), enter();
    (void)streams.take();
    pass(1'000);
    EXPECT_EQ(entered, "yes");
    EXPECT_EQ(used_here(0), 1);
    claim->settle(0, 0, 0);
    pass(200);
    greet();
    EXPECT_EQ(asked(), (Words{"put closed"}));
}

TEST_F(RedisAccountsTest, WithoutAReplyItIsRefusedAndUndone) {
    start(true), greet(), enter();
    (void)streams.take();
    pass(1'000);
    EXPECT_EQ(entered, "accounts");
    EXPECT_EQ(used_here(0), 0);
    pass(200);
    greet();
    EXPECT_EQ(asked(), (Words{"put undone"}));
    confirm();
    enter(), admit();
    EXPECT_EQ(entered, "yes");
}

TEST_F(RedisAccountsTest, ABudgetIsNeverGuessed) {
    budgets = {{1'000'000, Period::month}};
    start(), greet();
    streams.refuse("gone");
    pass(1);
    streams.refuse("Connection refused");
    enter();
    EXPECT_EQ(entered, "accounts");
    EXPECT_EQ(used_here(0), 0);
}

TEST_F(RedisAccountsTest, WhileTheServerGrantsNothingLimitsHoldHere) {
    start(), greet(), enter();
    (void)streams.take();
    streams.reply("*2\r\n$6\r\nclosed\r\n:9000\r\n");
    EXPECT_EQ(entered, "yes");
    EXPECT_EQ(asked(), (Words{"put open"}));
}

TEST_F(RedisAccountsTest, AnotherServerIsToldWhatIsOpenAndWhatHasEndedLately) {
    start(), greet(), enter(), admit();
    claim->settle(0, 0, 0);
    confirm();
    enter(), admit();
    (void)streams.take();
    streams.refuse("gone");
    pass(1);
    greet("run2");
    auto told = asked();
    std::sort(told.begin(), told.end());
    EXPECT_EQ(told, (Words{"put closed", "put open"}));
    confirm(), confirm();
    streams.refuse("gone");
    pass(100);
    greet("run2");
    EXPECT_EQ(asked(), Words{}) << "this one knows it";
}

TEST_F(RedisAccountsTest, LeasesOfWhatRunsAreRenewed) {
    start(), greet(), enter(), admit();
    (void)streams.take();
    pass(2'500);
    EXPECT_EQ(asked(), (Words{"renew"}));
    streams.reply("*2\r\n$4\r\nopen\r\n:0\r\n");
    EXPECT_EQ(asked(), (Words{"put open"})) << "it was taken for dead";
}

TEST_F(RedisAccountsTest, ImagesAndMoneyAreReservedThere) {
    budgets = {{1'000'000, Period::month}};
    limits.images_per_minute = 9;
    start(), greet(), enter(), admit();
    (void)streams.take();
    std::string covered;
    const auto note = [&](auto result) {
        covered = result ? "yes" : std::string(limit_word(result.error()));
    };
    claim->cover(2, 300, note);
    const auto words = streams.take().at(0);
    EXPECT_EQ(Words(words.begin() + 10, words.begin() + 13), (Words{"1", "2", "300"}));
    admit();
    EXPECT_EQ(covered, "yes");
    claim->cover(4, 900, note);
    streams.reply("*5\r\n$6\r\nbudget\r\n:1\r\n:1\r\n:100\r\n:1800000000\r\n");
    EXPECT_EQ(covered, "budget");
    EXPECT_EQ(used_here(2), 2) << "what Redis refused is not counted here";
}

TEST_F(RedisAccountsTest, NonsenseFromTheServerIsNoAdmission) {
    for (const std::string_view reply :
         {"*0\r\n", "+ok\r\n", "$-1\r\n", "*4\r\n$5\r\nlimit\r\n:9\r\n:1\r\n:1\r\n",
          "*4\r\n$5\r\nlimit\r\n:1\r\n:99\r\n:1\r\n",
          "*5\r\n$6\r\nbudget\r\n:1\r\n:7\r\n:1\r\n:1\r\n", "-ERR user_script\r\n"}) {
        entered.clear();
        if (!accounts) {
            start(true), greet();
        }
        enter();
        streams.reply(reply);
        EXPECT_EQ(entered, "accounts") << reply;
        (void)streams.take();
        confirm();
    }
}

}  // namespace
}  // namespace gateway

// The client of Redis over a stream that splits bytes everywhere and misbehaves.
#include <gtest/gtest.h>

#include "fake_ports.h"
#include "fake_redis.h"
#include "redis/redis_client.h"

namespace gateway {
namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kScript = "return 1";

class RedisClientTest : public ::testing::Test {
 protected:
    explicit RedisClientTest(const char *address = "redis://me:pw@h/2") {
        RedisClient::Settings settings;
        settings.address = *parse_redis_address(address);
        settings.timeout = Milliseconds(1'000);
        settings.script = kScript;
        settings.first_key = "first";
        client.emplace(
            settings, RedisClient::Parts{streams, world.clock, world.loop, world.random, world.log},
            RedisClient::Listener{[] { return ScriptCall("probe"); },
                                  [this](const std::string &id) { ready.push_back(id); }});
        pass(0);
    }

    void pass(int64_t milliseconds) { world.loop.advance(Milliseconds(milliseconds)); }
    void greet(const std::string &run_id = "run1") {
        streams.accept();
        EXPECT_EQ(streams.take().size(), 4U);
        const std::string info = "# Server\r\nredis_version:7.0.15\r\nrun_id:" + run_id + "\r\n";
        streams.reply("+OK\r\n+OK\r\n$" + std::to_string(info.size()) + "\r\n" + info +
                      "\r\n$2\r\nha\r\n");
        EXPECT_EQ(streams.take(),
                  (std::vector<Words>{{"EVALSHA", "ha", "2", "first", "probe", run_id}}));
        EXPECT_FALSE(client->is_ready());
        streams.reply("*1\r\n+open\r\n");
        EXPECT_TRUE(client->is_ready());
    }
    bool ask(const std::string &key = "k") {
        return client->run(std::move(ScriptCall(key).add("a")),
                           [this, key](const std::optional<RespValue> &reply) {
                               replies.push_back(key + "=" + (reply ? reply->text : "none"));
                           });
    }
    [[nodiscard]] size_t told(std::string_view words) const {
        return static_cast<size_t>(std::count_if(
            world.log.lines.begin(), world.log.lines.end(),
            [=](const auto &line) { return line.second.find(words) != std::string::npos; }));
    }

    FakeWorld world;
    FakeStreams streams;
    std::vector<std::string> ready;
    std::vector<std::string> replies;
    std::optional<RedisClient> client;
};

TEST_F(RedisClientTest, ItGreetsAndThenRunsTheScript) {
    EXPECT_TRUE(ask());
    streams.accept();
    EXPECT_EQ(streams.take(), (std::vector<Words>{{"AUTH", "me", "pw"},
                                                  {"SELECT", "2"},
                                                  {"INFO", "server"},
                                                  {"SCRIPT", "LOAD", std::string(kScript)}}));
    streams.reply("+OK\r\n+OK\r\n$13\r\n\r\nrun_id:run1\r\n$2\r\nha\r\n");
    (void)streams.take();
    streams.reply("*1\r\n+open\r\n");
    EXPECT_EQ(ready, (Words{"run1"}));
    EXPECT_EQ(streams.take(),
              (std::vector<Words>{{"EVALSHA", "ha", "2", "first", "k", "run1", "a"}}));
    streams.reply("+yes\r\n");
    EXPECT_EQ(replies, (Words{"k=yes"}));
}

TEST_F(RedisClientTest, RepliesComeInAnyPieces) {
    for (size_t piece = 1; piece < 12; ++piece) {
        streams.piece = piece;
        if (piece == 1) {
            greet();
        }
        replies.clear();
        ask("a"), ask("b"), ask("c");
        streams.reply("+1\r\n$2\r\n22\r\n-ERR no\r\n");
        EXPECT_EQ(replies, (Words{"a=1", "b=22", "c=none"})) << piece;
    }
    EXPECT_EQ(told("ERR no"), 1U);
}

TEST_F(RedisClientTest, AScriptThatTheServerHasForgottenIsSentWhole) {
    greet();
    ask("a"), ask("b");
    (void)streams.take();
    streams.reply("-NOSCRIPT No matching script.\r\n+2\r\n");
    EXPECT_EQ(streams.take(),
              (std::vector<Words>{{"EVAL", std::string(kScript), "2", "first", "a", "run1", "a"}}));
    streams.reply("+1\r\n");
    EXPECT_EQ(replies, (Words{"b=2", "a=1"}));
}

TEST_F(RedisClientTest, ALateReplyOpensTheBreakerAndTheNextConnectionClosesIt) {
    greet();
    ask("a");
    pass(500);
    ask("b");
    pass(499);
    EXPECT_EQ(replies.size(), 0U);
    pass(1);
    EXPECT_EQ(replies, (Words{"a=none", "b=none"}));
    EXPECT_FALSE(streams.is_open());
    EXPECT_FALSE(ask("c")) << "nobody waits any more";
    pass(100);
    ASSERT_TRUE(streams.is_open());
    greet("run2");
    EXPECT_EQ(ready, (Words{"run1", "run2"}));
    EXPECT_TRUE(ask("d"));
    streams.reply("+4\r\n");
    EXPECT_EQ(replies.back(), "d=4");
    EXPECT_EQ(told("is reached again"), 1U);
}

TEST_F(RedisClientTest, WhatWasNotRepliedToIsSentToTheNextServerWithItsId) {
    greet();
    ask("a"), ask("b");
    streams.reply("+1\r\n");
    (void)streams.take();
    streams.refuse("closed");
    EXPECT_EQ(replies, (Words{"a=1"}));
    ask("c");
    pass(1);
    greet("run2");
    EXPECT_EQ(streams.take(),
              (std::vector<Words>{{"EVALSHA", "ha", "2", "first", "b", "run2", "a"},
                                  {"EVALSHA", "ha", "2", "first", "c", "run2", "a"}}));
    streams.reply("+2\r\n+3\r\n");
    EXPECT_EQ(replies, (Words{"a=1", "b=2", "c=3"}));
}

TEST_F(RedisClientTest, WithoutAConnectionNobodyWaits) {
    ask("a");
    streams.refuse("Connection refused");
    EXPECT_EQ(replies, (Words{"a=none"}));
    EXPECT_FALSE(ask("b"));
    size_t attempts = streams.connections.size();
    for (int i = 0; i < 60; ++i) {
        pass(1'000);
        if (streams.is_open()) {
            streams.refuse("Connection refused");
        }
    }
    attempts = streams.connections.size() - attempts;
    EXPECT_GE(attempts, 25U);
    EXPECT_LE(attempts, 70U);
    EXPECT_LE(told("Connection refused"), 2U) << "once a minute";
}

TEST_F(RedisClientTest, AConnectionThatIsNeverMadeIsGivenUp) {
    ask("a");
    pass(1'000);
    EXPECT_EQ(replies, (Words{"a=none"}));
    EXPECT_FALSE(streams.is_open());
}

TEST_F(RedisClientTest, AGreetingThatIsNotAnsweredIsGivenUp) {
    streams.accept();
    streams.reply("+OK\r\n");
    pass(1'000);
    EXPECT_FALSE(streams.is_open());
    EXPECT_EQ(told("does not reply in time"), 1U);
}

TEST_F(RedisClientTest, AWrongPasswordIsToldWithoutIt) {
    streams.accept();
    streams.reply("-WRONGPASS invalid username-password pair\r\n");
    EXPECT_FALSE(streams.is_open());
    EXPECT_EQ(told("redis://h:6379/2: WRONGPASS"), 1U);
    EXPECT_EQ(told("pw"), 0U);
    EXPECT_FALSE(ask());
}

TEST_F(RedisClientTest, AServerOfAnotherKindIsLeft) {
    for (const std::string_view text : {"HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n+OK\r\n+OK\r\n",
                                        "*9999999\r\n", "$5\r\nabcdefg"}) {
        for (int i = 0; i < 500 && !streams.is_open(); ++i) {
            pass(10);
        }
        ASSERT_TRUE(streams.is_open());
        streams.accept();
        streams.reply(text);
        EXPECT_FALSE(streams.is_open()) << text;
    }
}

TEST_F(RedisClientTest, AReplyWithoutAQuestionEndsTheConnection) {
    greet();
    streams.reply("+surprise\r\n");
    EXPECT_FALSE(streams.is_open());
}

TEST_F(RedisClientTest, AServerThatOnlyReadsIsLeft) {
    greet();
    ask("a"), ask("b");
    streams.reply("-READONLY You can't write against a read only replica.\r\n");
    EXPECT_FALSE(streams.is_open());
    EXPECT_EQ(replies, (Words{"b=none", "a=none"}));
}

TEST_F(RedisClientTest, TheQueueIsBounded) {
    greet();
    for (size_t i = 0; i < RedisClient::kMaxUnanswered; ++i) {
        ASSERT_TRUE(ask());
    }
    EXPECT_FALSE(ask());
    EXPECT_EQ(client->unanswered(), RedisClient::kMaxUnanswered);
}

TEST_F(RedisClientTest, ItMayBeDestroyedAtAnyTime) {
    greet();
    ask();
    client.reset();
    EXPECT_FALSE(streams.is_open());
    EXPECT_EQ(world.loop.running(), 0U);
    EXPECT_EQ(replies.size(), 0U);
}

}  // namespace
}  // namespace gateway

// Addresses of servers of Redis, as operators write them.
#include <gtest/gtest.h>

#include "redis/redis_address.h"

namespace gateway {
namespace {

TEST(RedisAddress, PartsAreReadWithTheirDefaults) {
    const auto plain = parse_redis_address("redis://cache.example");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->host, "cache.example");
    EXPECT_EQ(plain->port, 6379);
    EXPECT_EQ(plain->database, 0);
    EXPECT_FALSE(plain->tls);
    EXPECT_EQ(plain->text(), "redis://cache.example:6379/0");

    const auto all = parse_redis_address("rediss://me:p%40ss%3a@[::1]:7000/12");
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->tls);
    EXPECT_EQ(all->user, "me");
    EXPECT_EQ(all->password, "p@ss:");
    EXPECT_EQ(all->host, "::1");
    EXPECT_EQ(all->port, 7000);
    EXPECT_EQ(all->database, 12);
    EXPECT_EQ(all->text(), "rediss://[::1]:7000/12");
}

TEST(RedisAddress, APasswordMayStandAloneAndContainAnAt) {
    const auto address = parse_redis_address("redis://:a@b@host/");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->user, "");
    EXPECT_EQ(address->password, "a@b");
    EXPECT_EQ(address->host, "host");
}

TEST(RedisAddress, AUnixSocketHasAPath) {
    const auto address = parse_redis_address("redis://:pw@unix:/run/redis.sock?db=3");
    ASSERT_TRUE(address);
    EXPECT_EQ(address->socket, "/run/redis.sock");
    EXPECT_EQ(address->database, 3);
    EXPECT_EQ(address->text(), "redis://unix:/run/redis.sock?db=3");
}

TEST(RedisAddress, MistakesAreNamedWithoutThePassword) {
    for (const char *text :
         {"http://:secret@x", "redis://:secret@", "redis://:secret@x:0", "redis://:secret@x:70000",
          "redis://:secret@x/a", "redis://:secret@[::1", "redis://:secret%4@x",
          "redis://:secret%00@x", "rediss://:secret@unix:/a", "redis://:secret@unix:a",
          "redis://:secret@a b"}) {
        const auto address = parse_redis_address(text);
        ASSERT_FALSE(address) << text;
        EXPECT_EQ(address.error().find("secret"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace gateway

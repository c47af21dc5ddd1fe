// What a client's headers say about the cache.
#include "core/sharing/cache_wish.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

TEST(CacheWish, IsEmptyWithoutHeaders) {
    const auto wish = read_cache_wish("", "", "");
    ASSERT_TRUE(wish);
    EXPECT_FALSE(wish->no_store || wish->no_cache || wish->only_if_cached);
    EXPECT_FALSE(wish->max_age || wish->ttl);
}

TEST(CacheWish, ReadsTheDirectivesOfCacheControl) {
    const auto wish =
        read_cache_wish(" No-Cache ,max-age=60, only-if-cached,no-store,x=\"y\"", "", "");
    ASSERT_TRUE(wish);
    EXPECT_TRUE(wish->no_store && wish->no_cache && wish->only_if_cached);
    EXPECT_EQ(wish->max_age, 60);
    EXPECT_EQ(read_cache_wish("max-age=\"5\"", "", "")->max_age, 5);
    EXPECT_GT(*read_cache_wish("max-age=99999999999999999999999", "", "")->max_age, 1'000'000);
}

TEST(CacheWish, RefusesATimeThatIsNone) {
    for (const char *wrong : {"max-age", "max-age=", "max-age=x", "max-age=-1", "max-age=1s"}) {
        const auto wish = read_cache_wish(wrong, "", "");
        ASSERT_FALSE(wish) << wrong;
        EXPECT_EQ(wish.error().param, "Cache-Control");
    }
    for (const char *wrong : {"0", "-1", "s", "5 m", "1d", "1h-5m", "0.5s", "nan", "inf"}) {
        const auto wish = read_cache_wish("", "", wrong);
        ASSERT_FALSE(wish) << wrong;
        EXPECT_EQ(wish.error().param, "x-bf-cache-ttl");
    }
}

TEST(CacheWish, ReadsTimesAsBifrostsClientsWriteThem) {
    EXPECT_EQ(read_cache_wish("", "", "90")->ttl, 90);
    EXPECT_EQ(read_cache_wish("", "", "30s")->ttl, 30);
    EXPECT_EQ(read_cache_wish("", "", "1h30m")->ttl, 5400);
    EXPECT_EQ(read_cache_wish("", "", "1500ms")->ttl, 1);
    EXPECT_EQ(read_cache_wish("", "", "1.5m")->ttl, 90);
    EXPECT_EQ(*read_cache_wish("", "", "9999999h")->ttl, 366 * 86'400);
}

}  // namespace
}  // namespace gateway

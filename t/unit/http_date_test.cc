// HTTP dates, and Retry-After with a date.
#include "core/http_date.h"

#include <gtest/gtest.h>

#include "core/providers/error_response.h"
#include "responses.h"

namespace gateway {
namespace {

TEST(HttpDate, IsReadAsUnixSeconds) {
    EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    EXPECT_EQ(parse_http_date("Tue, 29 Feb 2028 23:59:60 GMT"), 1835481600);
}

TEST(HttpDate, IsNothingElse) {
    for (const char *text :
         {"", "soon", "120", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
          "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Feb 2027 08:49:37 GMT",
          "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
          "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
          "Sun, -6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT",
          "Sun, 06 Nov 1994 08:49:37 GMT ", "Sun, 6 Nov 1994  08:49:37 GMT"}) {
        EXPECT_FALSE(parse_http_date(text)) << text;
    }
}

std::optional<int64_t> wait(std::string headers) {
    const auto wait = read_retry_after(response_of(429, "{}", std::move(headers)));
    return wait ? std::optional(wait->count()) : std::nullopt;
}

TEST(RetryAfter, IsSecondsMillisecondsOrADate) {
    EXPECT_EQ(wait("retry-after: 12\r\n"), 12'000);
    EXPECT_EQ(wait("Retry-After: 0.5\r\n"), 500);
    EXPECT_EQ(wait("retry-after-ms: 250\r\nretry-after: 1\r\n"), 250);
    const std::string date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    EXPECT_EQ(wait(date + "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"), 30'000);
    EXPECT_EQ(wait(date + "Retry-After: Sun, 06 Nov 1994 08:49:00 GMT\r\n"), 0) << "it is past";
    EXPECT_EQ(wait(date + "Retry-After: Sun, 06 Nov 2094 08:49:00 GMT\r\n"), 86'400'000);
    EXPECT_EQ(wait("Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n"), std::nullopt)
        << "our clock and theirs may differ";
    EXPECT_EQ(wait("retry-after: soon\r\n"), std::nullopt);
    EXPECT_EQ(wait("retry-after: -1\r\n"), std::nullopt);
    EXPECT_EQ(wait(""), std::nullopt);
}

}  // namespace
}  // namespace gateway

#include "core/http_call.h"

#include <gtest/gtest.h>

namespace gateway {
namespace {

std::string header(std::string headers, std::string_view name) {
    HttpResponse response;
    response.headers = std::move(headers);
    return std::string(response.header(name));
}

TEST(HttpCall, HasNoHeadersWithoutAValue) {
    HttpCall call;
    call.add_header("Accept", "image/*");
    call.add_header("traceparent", "");
    EXPECT_EQ(call.headers, std::vector<std::string>{"Accept: image/*"});
}

TEST(HttpResponse, FindsAHeaderByItsName) {
    const std::string headers =
        "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/html\r\nRETRY-after-MS: 250\r\n"
        "Retry-After:1\r\nX-Empty:\r\nX-Colons: a:b: c\r\nX-Last: z\r\n\r\n";
    EXPECT_EQ(header(headers, "content-type"), "text/html");
    EXPECT_EQ(header(headers, "retry-after"), "1");
    EXPECT_EQ(header(headers, "retry-after-ms"), "250");
    EXPECT_EQ(header(headers, "x-empty"), "");
    EXPECT_EQ(header(headers, "x-colons"), "a:b: c");
    EXPECT_EQ(header(headers, "x-last"), "z");
}

TEST(HttpResponse, FindsNothingWhereThereIsNothing) {
    EXPECT_EQ(header("", "a"), "");
    EXPECT_EQ(header("HTTP/1.1 200 OK\r\n\r\n", "http/1.1 200 ok"), "");
    EXPECT_EQ(header("Retry-After: 1\r\n", "retry"), "");
    EXPECT_EQ(header("Retry-After: 1\r\n", "after"), "");
    EXPECT_EQ(header("X: retry-after: 1\r\n", "retry-after"), "");
    EXPECT_EQ(header("Retry-After : 1\r\n", "retry-after"), "");
    EXPECT_EQ(header("Retry-After", "retry-after"), "");
}

TEST(HttpResponse, TakesTheFirstOfSeveral) {
    EXPECT_EQ(header("A: 1\nB: 2\nA: 3\n", "a"), "1");
}

TEST(HttpResponse, TrimsBlanksAndLineEnds) {
    EXPECT_EQ(header("A: \t x y \t\r\n", "a"), "x y");
    EXPECT_EQ(header("A: x\n", "a"), "x");
    EXPECT_EQ(header("A: x", "a"), "x");
    EXPECT_EQ(header("A:", "a"), "");
    EXPECT_EQ(header("A:   \r\n", "a"), "");
}

}  // namespace
}  // namespace gateway

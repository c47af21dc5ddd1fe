// Which URLs a request is written for as they are, and where its connection leads.
#include "core/http/request_head.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

TEST(PlainTarget, SaysWhoseCertificateIsExpectedAndWhereToConnect) {
    const struct {
        const char *url;
        const char *host;
        const char *host_and_port;
        const char *path;
    } rows[] = {
        {"https://a.example", "a.example", "a.example:443", "/"},
        {"https://a.example:8443/v1?x=/.", "a.example", "a.example:8443", "/v1?x=/."},
        {"https://192.0.2.1/v1", "192.0.2.1", "192.0.2.1:443", "/v1"},
        {"https://[2001:db8::1]/v1", "2001:db8::1", "[2001:db8::1]:443", "/v1"},
        {"https://[2001:db8::1]:8443/", "2001:db8::1", "[2001:db8::1]:8443", "/"},
        {"http://a.example/v1", "a.example", "a.example:80", "/v1"},
    };
    for (const auto &row : rows) {
        const auto target = plain_target(row.url);
        ASSERT_TRUE(target) << row.url;
        EXPECT_EQ(target->is_secure, std::string(row.url).starts_with("https"));
        EXPECT_EQ(target->host(), row.host);
        EXPECT_EQ(target->host_and_port(), row.host_and_port);
        EXPECT_EQ(target->path, row.path);
    }
}

TEST(PlainTarget, LeavesUrlsThatNeedASecondThoughtToLibcurl) {
    for (const char *url : {"https://",
                            "https:///v1",
                            "https://a.example./v1",
                            "https://user@a.example/",
                            "https://a.example:/v1",
                            "https://a.example:443x/",
                            "https://a.example:1:2/",
                            "https://[::1/",
                            "https://::1]/",
                            "https://[]/",
                            "https://a[b]/",
                            "https://[a]b]/",
                            "https://a%2eexample/",
                            "https://a.example/../v1",
                            "https://a.example?x",
                            "https://a.example/#x",
                            "https://b\xc3\xbc.example/",
                            "HTTPS://a.example/",
                            "ftp://a.example/",
                            "https:a.example"}) {
        EXPECT_FALSE(plain_target(url)) << url;
    }
}

}  // namespace
}  // namespace gateway

// Which addresses a provider's key may be sent to.
#include "core/net/origin.h"

#include <gtest/gtest.h>

#include <array>

namespace gateway {
namespace {

constexpr std::array<std::string_view, 2> kHosts = {"api.example.com", "api.*.example.com"};

TEST(OwnAddress, IsWhereTheProviderIsConfigured) {
    for (const char *url :
         {"https://api.test/v1/poll?id=1", "HTTPS://API.TEST/", "https://api.test",
          "https://api.test:443/x", "https://api.test:/x", "https://api.test?x"}) {
        EXPECT_TRUE(is_own_address(url, "https://api.test/v1", {})) << url;
    }
    EXPECT_TRUE(is_own_address("http://10.0.0.7:7860/x", "http://10.0.0.7:7860", {}));
    EXPECT_TRUE(is_own_address("http://[::1]:80/x", "http://[::1]", {}));
    for (const char *url :
         {"http://api.test/v1", "https://api.test:8443/v1", "https://api.test.evil/v1",
          "https://evil/api.test", "https://evil#api.test", "https://evil\\@api.test/",
          "https://api.test@evil/", "https://user:x@api.test/", "//api.test/", "/v1/poll", "",
          "https://", "https:///x", "ftp://api.test/", "https://api.test\r\nHost: evil/",
          "https://api.test /", "https://api.t\xc3\xa9st/", "https://api.test%2eevil/"}) {
        EXPECT_FALSE(is_own_address(url, "https://api.test/v1", {})) << url;
    }
}

TEST(OwnAddress, IsByHttpsWhereAPatternLeads) {
    for (const char *url : {"https://api.example.com/x", "https://api.eu2.example.com/x",
                            "https://API.US.example.com:443/"}) {
        EXPECT_TRUE(is_own_address(url, "https://elsewhere", kHosts)) << url;
    }
    for (const char *url : {"http://api.example.com/x", "https://api.example.com:8443/",
                            "https://example.com/", "https://api..example.com/",
                            "https://api.a.b.example.com/", "https://evilapi.example.com/",
                            "https://api.example.com.evil/", "https://api.eu.example.com.evil.com/",
                            "https://xapi.eu.example.com/", "https://api.eu.example.comx/"}) {
        EXPECT_FALSE(is_own_address(url, "https://elsewhere", kHosts)) << url;
    }
}

}  // namespace
}  // namespace gateway

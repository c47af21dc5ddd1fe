// Identifying callers: all ways in which credentials can be valid, invalid or missing.
#include "core/access/identify.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z

std::string hex_of(std::string_view secret) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (const uint8_t byte : sha256(secret)) {
        hex += {kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return hex;
}

std::string key(const std::string &id, const std::string &more = "") {
    return R"({"id":")" + id + R"(","sha256":")" + hex_of("sk-bf-" + id) + "\"" + more + "}";
}

std::shared_ptr<const KeyRing> ring() {
    auto read =
        KeyRing::read("{\"keys\":[" + key("plain") + "," + key("disabled", R"(,"disabled":true)") +
                      "," + key("past", R"(,"expires":"2027-01-15T07:59:59Z")") + "," +
                      key("now", R"(,"expires":"2027-01-15T08:00:00Z")") + "," +
                      key("soon", R"(,"expires":"2027-01-15T08:00:01Z")") + "," +
                      key("gone", R"(,"disabled":true,"expires":"2020-01-01T00:00:00Z")") + "]}");
    EXPECT_TRUE(read) << read.error();
    return *read;
}

RequestHead presenting(std::vector<std::string_view> credentials) {
    RequestHead head;
    head.credentials = std::move(credentials);
    return head;
}

TEST(Identify, AnswersEveryKindOfCredentials) {
    const auto keys = ring();
    const struct {
        std::vector<std::string_view> credentials;
        AuthMode mode;
        const char *caller;  // "-": anonymous
        int status;
        const char *code;
    } kRows[] = {
        {{"sk-bf-plain"}, AuthMode::required, "plain", 0, ""},
        {{"sk-bf-plain"}, AuthMode::optional, "plain", 0, ""},
        {{"sk-bf-plain"}, AuthMode::off, "-", 0, ""},
        {{}, AuthMode::required, "", 401, "missing_api_key"},
        {{}, AuthMode::optional, "-", 0, ""},
        {{}, AuthMode::off, "-", 0, ""},
        {{"sk-bf-nobody"}, AuthMode::required, "", 401, "invalid_api_key"},
        {{"sk-bf-nobody"}, AuthMode::optional, "", 401, "invalid_api_key"},
        {{"sk-bf-nobody"}, AuthMode::off, "-", 0, ""},
        {{"sk-bf-plai"}, AuthMode::required, "", 401, "invalid_api_key"},
        {{"sk-bf-plain "}, AuthMode::required, "", 401, "invalid_api_key"},
        {{"SK-BF-PLAIN"}, AuthMode::required, "", 401, "invalid_api_key"},
        {{"sk-bf-plain", "sk-bf-plain"}, AuthMode::required, "plain", 0, ""},
        {{"sk-bf-plain", "sk-bf-soon"}, AuthMode::required, "", 401, "conflicting_api_keys"},
        {{"sk-bf-plain", "sk-bf-plain", ""}, AuthMode::required, "", 401, "conflicting_api_keys"},
        {{"sk-bf-disabled"}, AuthMode::required, "", 403, "disabled_api_key"},
        {{"sk-bf-disabled"}, AuthMode::optional, "", 403, "disabled_api_key"},
        {{"sk-bf-past"}, AuthMode::required, "", 401, "expired_api_key"},
        {{"sk-bf-now"}, AuthMode::required, "", 401, "expired_api_key"},
        {{"sk-bf-soon"}, AuthMode::required, "soon", 0, ""},
        {{"sk-bf-gone"}, AuthMode::required, "", 401, "expired_api_key"},
    };
    for (const auto &row : kRows) {
        SCOPED_TRACE(testing::PrintToString(row.credentials) + " mode " +
                     std::to_string(static_cast<int>(row.mode)));
        const auto caller = identify(presenting(row.credentials), row.mode, {keys}, kNow);
        if (row.status != 0) {
            ASSERT_FALSE(caller);
            EXPECT_EQ(caller.error().status, row.status);
            EXPECT_EQ(caller.error().code, row.code);
            EXPECT_EQ(caller.error().message.find("sk-bf"), std::string::npos);
        } else {
            ASSERT_TRUE(caller) << caller.error().message;
            EXPECT_EQ(caller->key == nullptr ? "-" : caller->id(), row.caller);
        }
    }
}

TEST(Identify, RefusesAMalformedAuthorizationWhereNothingElseIsPresented) {
    const auto keys = ring();
    RequestHead head;
    head.malformed_credentials = true;
    EXPECT_EQ(identify(head, AuthMode::required, {keys}, kNow).error().status, 401);
    EXPECT_EQ(identify(head, AuthMode::optional, {keys}, kNow).error().status, 401);
    EXPECT_TRUE(identify(head, AuthMode::off, {keys}, kNow));
    // Basic credentials for somebody else, and a key in a header of its own.
    head.credentials = {"sk-bf-plain"};
    EXPECT_EQ(identify(head, AuthMode::required, {keys}, kNow)->id(), "plain");
    head.credentials = {"sk-bf-nobody"};
    EXPECT_EQ(identify(head, AuthMode::required, {keys}, kNow).error().status, 401);
}

TEST(Identify, KnowsNobodyWithoutAKeyRing) {
    const std::shared_ptr<const KeyRing> none;
    EXPECT_EQ(identify(presenting({"sk-bf-plain"}), AuthMode::required, {none}, kNow).error().code,
              "invalid_api_key");
}

TEST(Identify, LetsTheCallerOutliveTheRing) {
    auto keys = ring();
    const auto caller = identify(presenting({"sk-bf-plain"}), AuthMode::required, {keys}, kNow);
    keys = nullptr;
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->id(), "plain");
    EXPECT_TRUE(caller->may_use("anything"));
    EXPECT_TRUE(Caller{}.may_use("anything"));
    EXPECT_EQ(Caller{}.id(), "");
}

TEST(CheckHeaders, HoldsEachHeaderToItsForm) {
    const struct {
        std::string_view RequestHead::*header;
        const char *name;
        size_t max;
        bool text;
    } kHeaders[] = {
        {&RequestHead::on_behalf_of, "X-On-Behalf-Of", 256, true},
        {&RequestHead::request_id, "X-Request-Id", 128, false},
        {&RequestHead::idempotency_key, "Idempotency-Key", 255, false},
    };
    for (const auto &row : kHeaders) {
        const auto param = [&](std::string_view value) {
            RequestHead head;
            head.*row.header = value;
            const auto checked = read_wishes(head);
            EXPECT_TRUE(checked || checked.error().status == 400);
            return checked ? "" : checked.error().param;
        };
        SCOPED_TRACE(row.name);
        const std::string longer(row.max + 1, 'x');
        EXPECT_EQ(param(""), "");
        EXPECT_EQ(param("abc-123_~!"), "");
        EXPECT_EQ(param(std::string_view(longer).substr(1)), "");
        EXPECT_EQ(param(longer), row.name);
        EXPECT_EQ(param("a\tb"), row.name);
        EXPECT_EQ(param("a\r\nX-Evil: 1"), row.name);
        EXPECT_EQ(param(std::string_view("a\0b", 3)), row.name);
        EXPECT_EQ(param("a\x7f"), row.name);
        EXPECT_EQ(param("a\xff"), row.name);
        EXPECT_EQ(param("a b"), row.text ? "" : row.name);
        EXPECT_EQ(param("Zoë"), row.text ? "" : row.name);
    }
}

}  // namespace
}  // namespace gateway

// keys.json: its contents, and that every mistake is reported with its JSON path.
#include "core/access/key_ring.h"
#include "core/utc_time.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

constexpr const char *kHashOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string key(const std::string &more, const std::string &id = "a",
                const std::string &hash = kHashOfAbc) {
    return R"({"id":")" + id + R"(","sha256":")" + hash + "\"" + (more.empty() ? "" : ",") + more +
           "}";
}

std::string ring(const std::string &keys) {
    return "{\"keys\":[" + keys + "]}";
}

std::string mistake_in(const std::string &text) {
    const auto read = KeyRing::read(text);
    return read ? "none" : read.error();
}

TEST(KeyRing, ReadsEverythingThatAKeyMayHave) {
    const auto read = KeyRing::read(ring(key(R"("name":"Team A","models":["auto","openai/*"],
        "expires":"2027-06-30T00:00:00Z","disabled":true,"fallbacks":["studio/sdxl"],
        "limits":{"requests_per_minute":60,"images_per_minute":120,"images_per_day":5000,"concurrent":8})")));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ((*read)->size(), 1U);
    EXPECT_EQ((*read)->find("abd"), nullptr);
    const Key *found = (*read)->find("abc");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->id, "a");
    EXPECT_TRUE(found->disabled);
    EXPECT_EQ(found->expires, 1814313600);
    EXPECT_EQ(found->models, (std::vector<std::string>{"auto", "openai/*"}));
    EXPECT_EQ(found->fallbacks, std::vector<std::string>{"studio/sdxl"});
    EXPECT_EQ(found->limits.requests_per_minute, 60);
    EXPECT_EQ(found->limits.images_per_minute, 120);
    EXPECT_EQ(found->limits.images_per_day, 5000);
    EXPECT_EQ(found->limits.concurrent, 8);
}

TEST(KeyRing, TakesAbsentForNoLimit) {
    const auto read = KeyRing::read(ring(key("")));
    ASSERT_TRUE(read) << read.error();
    const Key *found = (*read)->find("abc");
    ASSERT_NE(found, nullptr);
    EXPECT_FALSE(found->disabled);
    EXPECT_FALSE(found->expires);
    EXPECT_FALSE(found->limits.any());
    EXPECT_TRUE(found->may_use("anything/at-all"));
    EXPECT_TRUE(KeyRing::read(ring("")));
}

TEST(KeyRing, FindsEachOfManyKeys) {
    std::string keys;
    for (int i = 0; i < 300; ++i) {
        std::string hash;
        for (const uint8_t byte : sha256("secret-" + std::to_string(i))) {
            constexpr char kDigits[] = "0123456789abcdef";
            hash += {kDigits[byte >> 4], kDigits[byte & 15]};
        }
        keys += (i == 0 ? "" : ",") + key("", "key-" + std::to_string(i), hash);
    }
    const auto read = KeyRing::read(ring(keys));
    ASSERT_TRUE(read) << read.error();
    for (int i = 0; i < 300; ++i) {
        const Key *found = (*read)->find("secret-" + std::to_string(i));
        ASSERT_NE(found, nullptr) << i;
        EXPECT_EQ(found->id, "key-" + std::to_string(i));
    }
    EXPECT_EQ((*read)->find("secret-300"), nullptr);
    EXPECT_EQ((*read)->find(""), nullptr);
}

TEST(KeyRing, TellsEveryMistakeByItsPlace) {
    const struct {
        std::string text;
        const char *starts;
    } kRows[] = {
        {"", "is not valid JSON"},
        {"{\"keys\":[", "is not valid JSON near byte"},
        {"[]", "$ must be an object"},
        {"{}", "$.keys must be an array"},
        {R"({"keys":{}})", "$.keys must be an array"},
        {R"({"keys":[],"more":1})", "$ has a member \"more\""},
        {R"({"keys":[],"keys":[]})", "is not valid JSON"},
        {ring("7"), "$.keys[0] must be an object"},
        {ring(key("") + ",7"), "$.keys[1] must be an object"},
        {ring(key(R"("limit":{})")), "$.keys[0] has a member \"limit\""},
        {ring(key(R"("Models":["a"])")), "$.keys[0] has a member \"Models\""},
        {ring(R"({"sha256":"00"})"), "$.keys[0].id must be a string"},
        {ring(key("", "")), "$.keys[0].id must be a string that is not empty"},
        {ring(key("", std::string(65, 'i'))), "$.keys[0].id must have at most 64"},
        {ring(key("", "team a")), "$.keys[0].id must have at most 64 visible"},
        {ring(R"({"id":"a"})"), "$.keys[0].sha256 must be 64 hexadecimal digits"},
        {ring(key("", "a", "abc")), "$.keys[0].sha256 must be 64 hexadecimal digits"},
        {ring(key(R"("name":7)")), "$.keys[0].name must be a string"},
        {ring(key(R"("disabled":"yes")")), "$.keys[0].disabled must be true or false"},
        {ring(key(R"("disabled":null)")), "$.keys[0].disabled must be true or false"},
        {ring(key(R"("expires":"2027-06-30")")), "$.keys[0].expires must be a UTC time"},
        {ring(key(R"("expires":1814313600)")), "$.keys[0].expires must be a UTC time"},
        {ring(key(R"("models":"auto")")), "$.keys[0].models must be an array"},
        {ring(key(R"("models":[])")), "$.keys[0].models must be an array that is not empty"},
        {ring(key(R"("models":["a",7])")), "$.keys[0].models[1] must be a string"},
        {ring(key(R"("models":[""])")), "$.keys[0].models[0] must be a string"},
        {ring(key(R"("fallbacks":[null])")), "$.keys[0].fallbacks[0] must be a string"},
        {ring(key(R"("limits":[])")), "$.keys[0].limits must be an object"},
        {ring(key(R"("limits":{"requests":5})")), "$.keys[0].limits has a member \"requests\""},
        {ring(key(R"("limits":{"concurrent":0})")),
         "$.keys[0].limits.concurrent must be an integer"},
        {ring(key(R"("limits":{"concurrent":-1})")), "$.keys[0].limits.concurrent must be"},
        {ring(key(R"("limits":{"images_per_day":1.5})")),
         "$.keys[0].limits.images_per_day must be"},
        {ring(key(R"("limits":{"images_per_minute":"5"})")),
         "$.keys[0].limits.images_per_minute must be"},
        {ring(key(R"("limits":{"requests_per_minute":1000000001})")),
         "$.keys[0].limits.requests_per_minute must be"},
        {ring(key("") + "," + key("", "b") + "," + key("", "a")),
         "$.keys[2].id is used twice: \"a\""},
        {ring(key("", "a") + "," + key("", "b")), "the keys \"a\" and \"b\" have the same secret"},
    };
    for (const auto &row : kRows) {
        const std::string mistake = mistake_in(row.text);
        EXPECT_TRUE(mistake.starts_with(row.starts)) << row.text << "\n  " << mistake;
    }
}

TEST(KeyRing, MatchesModelsByPattern) {
    const auto read = KeyRing::read(ring(key(R"("models":["auto","openai/*","*-mini","a*b*c"])")));
    ASSERT_TRUE(read) << read.error();
    const Key &found = *(*read)->find("abc");
    for (const char *allowed :
         {"auto", "openai/", "openai/gpt-image-2", "x/gpt-image-1-mini", "-mini", "abc", "aXbYc"}) {
        EXPECT_TRUE(found.may_use(allowed)) << allowed;
    }
    for (const char *refused :
         {"", "Auto", "autos", "openai", "xopenai/gpt", "mini", "ab", "abcd"}) {
        EXPECT_FALSE(found.may_use(refused)) << refused;
    }
}

TEST(ParseTime, ReadsUtcTimes) {
    const struct {
        const char *text;
        int64_t seconds;
    } kRows[] = {
        {"1970-01-01T00:00:00Z", 0},          {"1970-01-01T00:00:01Z", 1},
        {"1969-12-31T23:59:59Z", -1},         {"2000-02-29T12:00:00Z", 951825600},
        {"2024-02-29T23:59:59Z", 1709251199}, {"2024-12-31T23:59:59Z", 1735689599},
        {"2027-01-15T08:00:00Z", 1800000000}, {"2038-01-19T03:14:08Z", 2147483648},
        {"2100-03-01T00:00:00Z", 4107542400}, {"9999-12-31T23:59:59Z", 253402300799},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(parse_time(row.text), row.seconds) << row.text;
    }
}

TEST(ParseTime, RefusesWhatIsNoTimeOrNoDay) {
    for (const char *text :
         {"", "2027-06-30", "2027-06-30T00:00:00", "2027-06-30T00:00:00z", "2027-06-30 00:00:00Z",
          "2027-06-30T00:00:00+00", "2027-06-30T00:00:00.0Z", "2023-02-29T00:00:00Z",
          "2100-02-29T00:00:00Z", "2027-13-01T00:00:00Z", "2027-00-01T00:00:00Z",
          "2027-04-31T00:00:00Z", "2027-01-00T00:00:00Z", "2027-01-01T24:00:00Z",
          "2027-01-01T00:60:00Z", "2027-01-01T00:00:61Z", "-027-01-01T00:00:00Z",
          "2027-1-01T00:00:000Z"}) {
        EXPECT_FALSE(parse_time(text)) << text;
    }
}

}  // namespace
}  // namespace gateway

// Requests and links to a bucket, the groups of its objects, and the XML that it answers with.
#include "core/s3/bucket.h"

#include <gtest/gtest.h>

#include "core/images/links.h"
#include "core/s3/expiry_groups.h"
#include "core/s3/listing.h"
#include "core/s3/upload.h"
#include "fake_ports.h"
#include "responses.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'800'000'000;  // 2027-01-15T08:00:00Z

Bucket bucket() {
    Bucket bucket;
    bucket.name = "pictures";
    bucket.prefix = "a b/ü";
    bucket.endpoint = "https://store.example:9000";
    bucket.scope = {"eu-central-1"};
    bucket.key = {"AKEXAMPLE", "the secret"};
    bucket.lifetime = 3600;
    return bucket;
}

std::string header_of(const HttpCall &call, std::string_view name) {
    for (const std::string &line : call.headers) {
        if (line.starts_with(std::string(name) + ": ")) {
            return line.substr(name.size() + 2);
        }
    }
    return "";
}

TEST(BucketTest, PutsAnObjectBelowItsPrefix) {
    const ObjectToPut object{"20270115T090000Z/x.png", "image/png", Content::in_memory("bytes"),
                             "cafe", kNow + 3600};
    const HttpCall call = call_to_put(bucket(), object, kNow);
    EXPECT_EQ(call.url, "https://store.example:9000/pictures/a%20b/%C3%BC/20270115T090000Z/x.png");
    EXPECT_EQ(call.method, HttpMethod::put);
    EXPECT_EQ(call.body.size(), 5U);
    EXPECT_EQ(header_of(call, "content-type"), "image/png");
    EXPECT_EQ(header_of(call, "cache-control"), "private, max-age=3600, immutable");
    EXPECT_EQ(header_of(call, "x-amz-content-sha256"), "cafe");
    EXPECT_EQ(header_of(call, "x-amz-date"), "20270115T080000Z");
    EXPECT_NE(header_of(call, "authorization")
                  .find("SignedHeaders=cache-control;content-type;host;x-amz-content-sha256;"
                        "x-amz-date,"),
              std::string::npos);
    EXPECT_GT(call.answer_max, 0U);
    for (const std::string &line : call.headers) {
        EXPECT_EQ(line.find("secret"), std::string::npos);
    }
}

TEST(BucketTest, IsInThePathOrInTheHost) {
    Bucket one = bucket();
    one.prefix = "";
    EXPECT_EQ(call_to_delete(one, "g/x.png", kNow).url,
              "https://store.example:9000/pictures/g/x.png");
    EXPECT_EQ(call_to_list(one, "", kNow).url,
              "https://store.example:9000/pictures?delimiter=%2F&list-type=2&max-keys=500&prefix=");
    one.endpoint = "https://pictures.s3.amazonaws.com:443";
    one.is_in_host = true;
    EXPECT_EQ(call_to_delete(one, "g/x.png", kNow).url,
              "https://pictures.s3.amazonaws.com:443/g/x.png");
    EXPECT_TRUE(call_to_list(one, "g", kNow)
                    .url.ends_with("com:443/?delimiter=%2F&list-type=2&"
                                   "max-keys=500&prefix=g%2F"));
    EXPECT_EQ(call_to_delete(one, "g/x.png", kNow).method, HttpMethod::remove);
}

TEST(BucketTest, LinksAreSignedOrPublic) {
    Bucket one = bucket();
    const std::string link = link_to(one, "g/x.png", kNow + 60, kNow);
    EXPECT_TRUE(
        link.starts_with("https://store.example:9000/pictures/a%20b/%C3%BC/g/x.png?"
                         "X-Amz-Algorithm=AWS4-HMAC-SHA256&"))
        << link;
    EXPECT_NE(link.find("X-Amz-Expires=60&"), std::string::npos);
    EXPECT_EQ(link.find("secret"), std::string::npos);
    one.public_url = "https://cdn.example/a";
    EXPECT_EQ(link_to(one, "g/x.png", kNow + 60, kNow), "https://cdn.example/a/g/x.png");
    EXPECT_EQ(header_of(call_to_put(one, {"g/x.png", "image/png", {}, "", kNow + 9}, kNow),
                        "cache-control"),
              "public, max-age=9, immutable");
}

TEST(BucketTest, NamesOfObjectsSayWhenTheirGroupEnds) {
    FakeRandom random;
    const std::string name = new_object_name(random, ImageFormat::webp, kNow + 3600, 3600);
    EXPECT_EQ(name.substr(0, 17), "20270115T090000Z/");
    EXPECT_TRUE(is_image_name(name.substr(17))) << name;
    for (const int64_t lifetime : {1, 7, 8, 60, 3600, 86400, 8640000}) {
        for (const int64_t expires : {kNow, kNow + 1, kNow + 3599, kNow + lifetime}) {
            const std::string group = group_of(expires, lifetime);
            const auto end = end_of_group(group);
            ASSERT_TRUE(end) << group;
            EXPECT_GE(*end, expires);
            EXPECT_LT(*end - expires, group_length(lifetime));
        }
    }
}

TEST(BucketTest, OtherNamesAreNoGroups) {
    for (const char *name :
         {"", "20270115T090000", "20270115T090000z", "20271315T090000Z", "2027-01-15T09:00Z",
          "20270115T2500000Z", "xxxxxxxxTxxxxxxZ", "20270115T090000ZZ", "../../../../../Z"}) {
        EXPECT_FALSE(end_of_group(name)) << name;
    }
}

TEST(BucketTest, ReadsOnlyNamesOfItsOwnFormFromLists) {
    const std::string letters(26, 'a');
    const std::string xml =
        "<?xml version=\"1.0\"?><ListBucketResult><Prefix>p/</Prefix>"
        "<Contents><Key>p/20270115T090000Z/" +
        letters +
        ".png</Key></Contents>"
        "<Contents><Key>p/20270115T090000Z/thesis.pdf</Key></Contents>"
        "<Contents><Key>../" +
        letters +
        ".webp</Key></Contents>"
        "<Contents><Key>" +
        letters +
        ".png/</Key></Contents>"
        "<CommonPrefixes><Prefix>p/20270115T090000Z/</Prefix></CommonPrefixes>"
        "<CommonPrefixes><Prefix>p/holiday/</Prefix></CommonPrefixes>"
        "<CommonPrefixes><Prefix>20270115T100000Z</Prefix></CommonPrefixes></ListBucketResult>";
    EXPECT_EQ(images_in(xml), (std::vector<std::string>{letters + ".png", letters + ".webp"}));
    EXPECT_EQ(groups_in(xml), (std::vector<std::string>{"20270115T090000Z"}));
}

TEST(BucketTest, StandsAnyXml) {
    for (const char *xml : {"", "<", "<Key>", "<Key></Key>", "<Key>/", "<Key>x", "<Key><Key><Key>",
                            "</Key>", "<Prefix>/</Prefix>", "<Prefix>//</Prefix>"}) {
        EXPECT_TRUE(images_in(xml).empty()) << xml;
        EXPECT_TRUE(groups_in(xml).empty()) << xml;
        EXPECT_EQ(error_code(xml), "") << xml;
    }
}

TEST(BucketTest, TellsOperatorsTheCodeOfAnErrorAndNothingElse) {
    const auto told = [](int status, const std::string &body, const std::string &headers = "") {
        return describe_response(bucket(), response_of(status, body, headers));
    };
    EXPECT_EQ(told(403, "<Error><Code>AccessDenied</Code><Message>the secret</Message></Error>"),
              "the store answers with status 403 AccessDenied");
    EXPECT_EQ(told(403, "<Error><Code>the secret</Code></Error>"),
              "the store answers with status 403");
    EXPECT_EQ(told(403, "<Error><Code>" + std::string(40, 'k') + "</Code></Error>"),
              "the store answers with status 403");
    EXPECT_NE(told(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>").find("clock"),
              std::string::npos);
    EXPECT_EQ(told(301, "", "x-amz-bucket-region: eu-west-1\r\n"),
              "the store answers with status 301; the bucket is in the region eu-west-1");
    EXPECT_EQ(describe_response(bucket(), undelivered(TransferEnd::lost, "it broke")), "it broke");
    Bucket one = bucket();
    one.key.secret_key = "minioadmin";
    EXPECT_EQ(describe_response(one, response_of(400, "<Code>xminioadminx</Code>")),
              "the store answers with status 400");
}

TEST(BucketTest, IsLeftAloneAfterThreeFailuresInARowUntilOneTestSucceeds) {
    BucketHealth health;
    const auto at = [](int64_t seconds) { return Milliseconds(seconds * 1000); };
    health.note_failure(at(0));
    health.note_failure(at(0));
    health.note_success();
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(health.lets_through(at(1)));
        health.note_failure(at(1));
    }
    EXPECT_FALSE(health.lets_through(at(2)));
    EXPECT_TRUE(health.is_resting(at(2)));
    EXPECT_TRUE(health.lets_through(at(12))) << "a test";
    EXPECT_FALSE(health.lets_through(at(12))) << "one at a time";
    EXPECT_TRUE(health.lets_through(at(40))) << "the test may have been cancelled";
    health.note_success();
    EXPECT_TRUE(health.lets_through(at(41)));
    EXPECT_TRUE(health.lets_through(at(41)));
}

}  // namespace
}  // namespace gateway

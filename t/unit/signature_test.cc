// Signatures against the examples that AWS has published, in the documentation of S3 ("Signature
// Calculations for the Authorization Header", "Authenticating Requests: Using Query Parameters")
// and in the test suite of Signature Version 4.
#include "core/s3/signature.h"

#include <gtest/gtest.h>

#include "core/bytes/sha256.h"

namespace gateway {
namespace {

constexpr int64_t kMay2013 = 1369353600;     // 2013-05-24T00:00:00Z
constexpr int64_t kAugust2015 = 1440938160;  // 2015-08-30T12:36:00Z
constexpr const char *kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const SigningKey kExampleKey{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
const SigningScope kExampleScope{"us-east-1", "s3"};
const SigningKey kSuiteKey{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
const SigningScope kSuiteScope{"us-east-1", "service"};

RequestToSign example(std::string_view method, std::string path) {
    RequestToSign request;
    request.method = method;
    request.path = std::move(path);
    request.payload = kEmptyHash;
    request.headers = {{"host", "examplebucket.s3.amazonaws.com"},
                       {"x-amz-date", "20130524T000000Z"}};
    return request;
}

RequestToSign of_the_suite(std::string_view method) {
    RequestToSign request;
    request.method = method;
    request.path = "/";
    request.payload = kEmptyHash;
    request.headers = {{"x-amz-date", "20150830T123600Z"}, {"host", "example.amazonaws.com"}};
    return request;
}

TEST(SignatureTest, IsThatOfTheExamplesOfS3) {
    RequestToSign get = example("GET", "/test.txt");
    get.headers.emplace_back("x-amz-content-sha256", kEmptyHash);
    get.headers.emplace_back("range", "bytes=0-9");
    EXPECT_EQ(
        authorization(get, kExampleKey, kExampleScope, kMay2013),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");

    RequestToSign put = example("PUT", encode_path("/test$file.text"));
    put.payload = to_hex(sha256("Welcome to Amazon S3."));
    put.headers.emplace_back("date", "Fri, 24 May 2013 00:00:00 GMT");
    put.headers.emplace_back("x-amz-storage-class", "REDUCED_REDUNDANCY");
    put.headers.emplace_back("x-amz-content-sha256", put.payload);
    EXPECT_TRUE(authorization(put, kExampleKey, kExampleScope, kMay2013)
                    .ends_with("SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;"
                               "x-amz-storage-class, Signature=98ad721746da40c64f1a55b78f14c238d841"
                               "ea1380cd77a1b5971af0ece108bd"));

    RequestToSign lifecycle = example("GET", "/");
    lifecycle.query = {{"lifecycle", ""}};
    lifecycle.headers.emplace_back("x-amz-content-sha256", kEmptyHash);
    EXPECT_TRUE(authorization(lifecycle, kExampleKey, kExampleScope, kMay2013)
                    .ends_with("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));

    RequestToSign list = example("GET", "/");
    list.query = {{"prefix", "J"}, {"max-keys", "2"}};
    list.headers.emplace_back("x-amz-content-sha256", kEmptyHash);
    EXPECT_TRUE(authorization(list, kExampleKey, kExampleScope, kMay2013)
                    .ends_with("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SignatureTest, OfALinkIsThatOfTheExampleOfS3) {
    RequestToSign request;
    request.method = "GET";
    request.path = "/test.txt";
    request.payload = kUnsignedPayload;
    request.headers = {{"host", "examplebucket.s3.amazonaws.com"}};
    EXPECT_EQ(signed_query(request, kExampleKey, kExampleScope, kMay2013, 86400),
              "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%"
              "2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&"
              "X-Amz-SignedHeaders=host&X-Amz-Signature="
              "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(SignatureTest, IsThatOfTheTestSuite) {
    EXPECT_TRUE(authorization(of_the_suite("GET"), kSuiteKey, kSuiteScope, kAugust2015)
                    .ends_with("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"))
        << "get-vanilla";
    EXPECT_TRUE(authorization(of_the_suite("POST"), kSuiteKey, kSuiteScope, kAugust2015)
                    .ends_with("5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"))
        << "post-vanilla";
    RequestToSign ordered = of_the_suite("GET");
    ordered.query = {{"Param2", "value2"}, {"Param1", "value1"}};
    EXPECT_TRUE(authorization(ordered, kSuiteKey, kSuiteScope, kAugust2015)
                    .ends_with("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"))
        << "get-vanilla-query-order-key-case";
    RequestToSign spaces = of_the_suite("GET");
    spaces.headers.emplace_back("my-header1", " value1");
    spaces.headers.emplace_back("my-header2", " \"a   b   c\"");
    EXPECT_TRUE(authorization(spaces, kSuiteKey, kSuiteScope, kAugust2015)
                    .ends_with("acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"))
        << "get-header-value-trim";
}

TEST(SignatureTest, EncodesAllButUnreservedCharacters) {
    EXPECT_EQ(encode_path("/a b/ü+~-._/%"), "/a%20b/%C3%BC%2B~-._/%25");
    EXPECT_EQ(encode_query_part("a/b=c&d"), "a%2Fb%3Dc%26d");
    EXPECT_EQ(encode_query({{"b", "2"}, {"a", "ü"}, {"b", "1"}}), "a=%C3%BC&b=1&b=2");
}

TEST(SignatureTest, OfALinkLastsASecondAtLeastAndAWeekAtMost) {
    RequestToSign request;
    request.method = "GET";
    request.path = "/x";
    request.payload = kUnsignedPayload;
    request.headers = {{"host", "h"}};
    const auto lasts = [&](int64_t seconds) {
        return signed_query(request, kExampleKey, kExampleScope, kMay2013, seconds);
    };
    EXPECT_NE(lasts(-5).find("X-Amz-Expires=1&"), std::string::npos);
    EXPECT_NE(lasts(1'000'000).find("X-Amz-Expires=604800&"), std::string::npos);
}

}  // namespace
}  // namespace gateway

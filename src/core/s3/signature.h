// AWS Signature Version 4: the header that signs a request to a store, and links that are signed in
// their query.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

struct SigningKey {
    std::string access_key;  // not secret: every link shows it
    std::string secret_key;
};

// What a signature is for, besides the request.
struct SigningScope {
    std::string region;
    std::string service = "s3";
};

using NamedValues = std::vector<std::pair<std::string, std::string>>;

struct RequestToSign {
    std::string_view method;
    std::string path;     // percent-encoded, as it is sent
    NamedValues query;    // not encoded
    NamedValues headers;  // with names in lower case; "host" among them
    std::string payload;  // the SHA-256 of the body in hexadecimal digits, or kUnsignedPayload
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// Percent-encodes all but letters, digits and "-._~". A path keeps its slashes.
std::string encode_query_part(std::string_view text);
std::string encode_path(std::string_view text);
// "a=1&b=2", sorted and encoded as the signature has it.
std::string encode_query(NamedValues query);

// "20130524T000000Z"
std::string signing_time(int64_t unix_seconds);

// The value of the header Authorization. The headers must have "x-amz-date" with the same time.
std::string authorization(const RequestToSign &request, const SigningKey &key,
                          const SigningScope &scope, int64_t unix_seconds);

// The query of a link to the path that ends after `seconds`: at most seven days.
inline constexpr int64_t kLongestSignedLink = 7 * 24 * 3600;
std::string signed_query(const RequestToSign &request, const SigningKey &key,
                         const SigningScope &scope, int64_t unix_seconds, int64_t seconds);

}  // namespace gateway

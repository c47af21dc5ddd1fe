// A bucket in an S3-compatible store: its settings, and the signed requests and links to its
// objects. Objects are named below the prefix: "GROUP/NAME".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/http_call.h"
#include "core/ports.h"
#include "core/s3/signature.h"

namespace gateway {

// Whether the store is left alone for a while, because it has failed. Each worker has its own.
class BucketHealth {
 public:
    // False while it is left alone. After that, one image is let through to test it.
    bool lets_through(Milliseconds now);
    // Whether others have found that it fails.
    [[nodiscard]] bool is_resting(Milliseconds now) const;
    void note_success() { failures_ = 0; }
    void note_failure(Milliseconds now);

 private:
    int failures_ = 0;  // images in a row that could not be put
    Milliseconds until_{0};
};

struct Bucket {
    std::string name;
    std::string prefix;       // without a slash at its ends; may be empty
    std::string endpoint;     // "https://host:port"
    bool is_in_host = false;  // the endpoint's host begins with its name; else the path does
    SigningScope scope;
    SigningKey key;
    std::string public_url;  // without a slash at its end; empty: links are signed
    std::string ca_file;     // empty: the system's
    int64_t lifetime = 0;    // of objects and links, in seconds
    // State, not configuration.
    std::shared_ptr<BucketHealth> health = std::make_shared<BucketHealth>();

    // "s3://NAME/PREFIX"
    [[nodiscard]] std::string address() const;
};

struct ObjectToPut {
    std::string name;
    std::string_view content_type;
    Content content;
    std::string sha256;   // of the content, in hexadecimal digits
    int64_t expires = 0;  // unix seconds
};

HttpCall call_to_put(const Bucket &bucket, const ObjectToPut &object, int64_t now);
HttpCall call_to_delete(const Bucket &bucket, std::string_view object, int64_t now);
// Lists the objects of a group; of an empty group: the groups.
HttpCall call_to_list(const Bucket &bucket, std::string_view group, int64_t now);

// A link to the object that works from `now` until it expires.
std::string link_to(const Bucket &bucket, std::string_view object, int64_t expires, int64_t now);

// What went wrong, for operators: the response's status, and the code of its error if that is a
// plain word. Nothing else of its body, which may repeat what was signed.
std::string describe_response(const Bucket &bucket, const HttpResponse &response);

}  // namespace gateway

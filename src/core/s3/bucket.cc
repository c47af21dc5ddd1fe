#include "core/s3/bucket.h"

#include <algorithm>
#include <utility>

#include "core/s3/listing.h"

namespace gateway {

namespace {

constexpr int kMaxFailures = 3;
constexpr Milliseconds kLeftAlone{10'000};
constexpr Milliseconds kTesting{20'000};
constexpr size_t kMaxAnswer = size_t{32} * 1024;
// Five hundred objects are about 200 KB, with the longest prefix 700 KB.
constexpr size_t kMaxList = size_t{1024} * 1024;
constexpr const char *kMaxListed = "500";
constexpr const char *kHashOfNothing =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string_view host_of_endpoint(std::string_view endpoint) {
    std::string_view host = endpoint.substr(endpoint.find("://") + 3);
    const std::string_view usual = endpoint.starts_with("https") ? ":443" : ":80";
    if (host.ends_with(usual)) {
        host.remove_suffix(usual.size());  // as clients write the header Host
    }
    return host;
}

std::string path_in(const Bucket &bucket, std::string_view key) {
    std::string path("/");
    if (!bucket.is_in_host) {
        path.append(bucket.name).append(key.empty() ? "" : "/");
    }
    return encode_path(path.append(key));
}

std::string key_of(const Bucket &bucket, std::string_view object) {
    std::string key = bucket.prefix;
    return key.append(key.empty() ? "" : "/").append(object);
}

// Adds the headers that are signed, and the signature.
HttpCall make_call(const Bucket &bucket, RequestToSign request, int64_t now) {
    constexpr Milliseconds kConnect{3'000};
    constexpr Milliseconds kTotal{20'000};
    request.headers.emplace_back("x-amz-content-sha256", request.payload);
    request.headers.emplace_back("x-amz-date", signing_time(now));
    HttpCall call;
    for (const auto &[name, value] : request.headers) {
        call.add_header(name, value);
    }
    request.headers.emplace_back("host", host_of_endpoint(bucket.endpoint));
    call.add_header("authorization", authorization(request, bucket.key, bucket.scope, now));
    call.url = bucket.endpoint + request.path;
    if (!request.query.empty()) {
        call.url += "?" + encode_query(std::move(request.query));
    }
    call.ca_file = bucket.ca_file;
    // The first byte comes only after the whole request was sent.
    call.timeouts = {kConnect, kTotal, kTotal, kTotal};
    call.answer_max = kMaxAnswer;
    return call;
}

// A plain word that is not a secret.
bool may_be_shown(const Bucket &bucket, std::string_view word) {
    return is_plain_word(word) && word.find(bucket.key.secret_key) == std::string_view::npos;
}

}  // namespace

bool BucketHealth::lets_through(Milliseconds now) {
    if (failures_ < kMaxFailures) {
        return true;
    }
    if (now < until_) {
        return false;
    }
    until_ = now + kTesting;
    return true;
}

bool BucketHealth::is_resting(Milliseconds now) const {
    return failures_ >= kMaxFailures && now < until_;
}

void BucketHealth::note_failure(Milliseconds now) {
    failures_ = std::min(failures_ + 1, kMaxFailures);
    until_ = now + kLeftAlone;
}

std::string Bucket::address() const {
    return "s3://" + name + (prefix.empty() ? "" : "/") + prefix;
}

HttpCall call_to_put(const Bucket &bucket, const ObjectToPut &object, int64_t now) {
    RequestToSign request;
    request.method = "PUT";
    request.path = path_in(bucket, key_of(bucket, object.name));
    const bool is_public = !bucket.public_url.empty();
    request.headers = {
        {"cache-control", std::string(is_public ? "public" : "private") + ", max-age=" +
                              std::to_string(std::max<int64_t>(object.expires - now, 0)) +
                              ", immutable"},
        {"content-type", std::string(object.content_type)},
    };
    request.payload = object.sha256;
    HttpCall call = make_call(bucket, std::move(request), now);
    call.method = HttpMethod::put;
    call.body.append(object.content, false);
    return call;
}

HttpCall call_to_delete(const Bucket &bucket, std::string_view object, int64_t now) {
    RequestToSign request;
    request.method = "DELETE";
    request.path = path_in(bucket, key_of(bucket, object));
    request.payload = kHashOfNothing;
    HttpCall call = make_call(bucket, std::move(request), now);
    call.method = HttpMethod::remove;
    return call;
}

HttpCall call_to_list(const Bucket &bucket, std::string_view group, int64_t now) {
    RequestToSign request;
    request.method = "GET";
    request.path = path_in(bucket, "");
    std::string prefix = key_of(bucket, group);
    if (!prefix.empty() && prefix.back() != '/') {
        prefix += '/';
    }
    request.query = {{"delimiter", "/"}, {"list-type", "2"}, {"max-keys", kMaxListed}};
    request.query.emplace_back("prefix", std::move(prefix));
    request.payload = kHashOfNothing;
    HttpCall call = make_call(bucket, std::move(request), now);
    call.method = HttpMethod::get;
    call.answer_max = kMaxList;
    return call;
}

std::string link_to(const Bucket &bucket, std::string_view object, int64_t expires, int64_t now) {
    if (!bucket.public_url.empty()) {
        return bucket.public_url + "/" + encode_path(object);
    }
    RequestToSign request;
    request.method = "GET";
    request.path = path_in(bucket, key_of(bucket, object));
    request.headers = {{"host", std::string(host_of_endpoint(bucket.endpoint))}};
    request.payload = kUnsignedPayload;
    const std::string query = signed_query(request, bucket.key, bucket.scope, now, expires - now);
    return bucket.endpoint + request.path + "?" + query;
}

std::string describe_response(const Bucket &bucket, const HttpResponse &response) {
    if (response.end != TransferEnd::answered) {
        return response.problem;
    }
    std::string text = "the store answers with status " + std::to_string(response.status);
    const std::string code = error_code(response.body.outline);
    if (may_be_shown(bucket, code)) {
        text.append(" ").append(code);
    }
    if (code == "RequestTimeTooSkewed") {
        text.append(": its clock and this machine's differ");
    }
    const std::string_view region = response.header("x-amz-bucket-region");
    if (may_be_shown(bucket, region)) {
        text.append("; the bucket is in the region ").append(region);
    }
    return text;
}

}  // namespace gateway

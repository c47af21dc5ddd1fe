#include "core/s3/signature.h"

#include <algorithm>

#include "core/bytes/sha256.h"
#include "core/utc_time.h"

namespace gateway {

namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kTerminator = "aws4_request";
constexpr size_t kDateLength = 8;  // of "20130524T000000Z"

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string percent_encode(std::string_view text, bool keeps_slashes) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) || (keeps_slashes && c == '/')) {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += '%';
            encoded += kDigits[byte >> 4];
            encoded += kDigits[byte & 15];
        }
    }
    return encoded;
}

// Without spaces at its ends, and with one space for several.
std::string trim_all(std::string_view value) {
    std::string trimmed;
    for (const char c : value) {
        if (c != ' ') {
            trimmed += c;
        } else if (!trimmed.empty() && trimmed.back() != ' ') {
            trimmed += ' ';
        }
    }
    if (!trimmed.empty() && trimmed.back() == ' ') {
        trimmed.pop_back();
    }
    return trimmed;
}

NamedValues sorted(NamedValues values) {
    std::stable_sort(values.begin(), values.end(),
                     [](const auto &a, const auto &b) { return a.first < b.first; });
    return values;
}

std::string names_of(const NamedValues &sorted_headers) {
    std::string names;
    for (const auto &[name, value] : sorted_headers) {
        names.append(names.empty() ? "" : ";").append(name);
    }
    return names;
}

std::string canonical_form(const RequestToSign &request, const NamedValues &sorted_headers) {
    std::string text(request.method);
    text.append("\n").append(request.path).append("\n");
    text.append(encode_query(request.query)).append("\n");
    for (const auto &[name, value] : sorted_headers) {
        text.append(name).append(":").append(trim_all(value)).append("\n");
    }
    text.append("\n").append(names_of(sorted_headers)).append("\n").append(request.payload);
    return text;
}

// "20130524/us-east-1/s3/aws4_request"
std::string scope_text(const SigningScope &scope, std::string_view time) {
    std::string text(time.substr(0, kDateLength));
    text.append("/").append(scope.region).append("/").append(scope.service).append("/");
    return text.append(kTerminator);
}

std::string sign(const RequestToSign &request, const NamedValues &sorted_headers,
                 const SigningKey &key, const SigningScope &scope, const std::string &time) {
    std::string text(kAlgorithm);
    text.append("\n").append(time).append("\n").append(scope_text(scope, time)).append("\n");
    text.append(to_hex(sha256(canonical_form(request, sorted_headers))));
    const Sha256 date =
        hmac_sha256("AWS4" + key.secret_key, std::string_view(time).substr(0, kDateLength));
    const Sha256 region = hmac_sha256(date, scope.region);
    const Sha256 service = hmac_sha256(region, scope.service);
    return to_hex(hmac_sha256(hmac_sha256(service, kTerminator), text));
}

}  // namespace

std::string encode_query_part(std::string_view text) {
    return percent_encode(text, false);
}

std::string encode_path(std::string_view text) {
    return percent_encode(text, true);
}

std::string encode_query(NamedValues query) {
    for (auto &[name, value] : query) {
        name = encode_query_part(name);
        value = encode_query_part(value);
    }
    std::sort(query.begin(), query.end());
    std::string text;
    for (const auto &[name, value] : query) {
        text.append(text.empty() ? "" : "&").append(name).append("=").append(value);
    }
    return text;
}

std::string signing_time(int64_t unix_seconds) {
    std::string time = format_time(unix_seconds);
    std::erase_if(time, [](char c) { return c == '-' || c == ':'; });
    return time;
}

std::string authorization(const RequestToSign &request, const SigningKey &key,
                          const SigningScope &scope, int64_t unix_seconds) {
    const std::string time = signing_time(unix_seconds);
    const NamedValues headers = sorted(request.headers);
    std::string text(kAlgorithm);
    text.append(" Credential=").append(key.access_key).append("/").append(scope_text(scope, time));
    text.append(", SignedHeaders=").append(names_of(headers));
    return text.append(", Signature=").append(sign(request, headers, key, scope, time));
}

std::string signed_query(const RequestToSign &request, const SigningKey &key,
                         const SigningScope &scope, int64_t unix_seconds, int64_t seconds) {
    const std::string time = signing_time(unix_seconds);
    const NamedValues headers = sorted(request.headers);
    RequestToSign link = request;
    link.query.emplace_back("X-Amz-Algorithm", kAlgorithm);
    link.query.emplace_back("X-Amz-Credential", key.access_key + "/" + scope_text(scope, time));
    link.query.emplace_back("X-Amz-Date", time);
    link.query.emplace_back("X-Amz-Expires",
                            std::to_string(std::clamp<int64_t>(seconds, 1, kLongestSignedLink)));
    link.query.emplace_back("X-Amz-SignedHeaders", names_of(headers));
    const std::string signature = sign(link, headers, key, scope, time);
    return encode_query(std::move(link.query)) + "&X-Amz-Signature=" + signature;
}

}  // namespace gateway

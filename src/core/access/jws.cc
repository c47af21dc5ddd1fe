#include "core/access/jws.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/access/base64url.h"
#include "core/json/document.h"

namespace gateway {

namespace {

constexpr size_t kLongestToken = 8192;
constexpr size_t kLongestKeyId = 256;

constexpr std::array<std::string_view, 12> kNames = {"HS256", "HS384", "HS512", "RS256",
                                                     "RS384", "RS512", "PS256", "PS384",
                                                     "PS512", "ES256", "ES384", "EdDSA"};

// Messages never repeat text of the token, because it may be part of a secret.
tl::unexpected<std::string> wrong(const char *what) {
    return tl::unexpected(std::string(what));
}

tl::expected<void, std::string> read_header(const std::string &text, Jws &jws) {
    const auto document = JsonDocument::read(text, kCallersJson);
    if (!document || !document->root().is(JsonKind::object)) {
        return wrong("its header is not a JSON object");
    }
    const JsonValue header = document->root();
    // Extensions that a reader must understand (RFC 7515 4.1.11). None is supported. RFC 7797,
    // which signs other bytes, is one of them.
    if (header["crit"] || header["b64"]) {
        return wrong("its header requires an extension that is not supported");
    }
    const auto algorithm = algorithm_named(header["alg"].string());
    if (!algorithm) {
        return wrong("its algorithm is not supported");
    }
    jws.algorithm = *algorithm;
    if (const JsonValue key_id = header["kid"]) {
        if (!key_id.is(JsonKind::string) || key_id.string().size() > kLongestKeyId) {
            return wrong("its kid is not a string of at most 256 characters");
        }
        jws.key_id = key_id.string();
    }
    return {};
}

}  // namespace

std::optional<JwsAlgorithm> algorithm_named(std::string_view name) {
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    return found == kNames.end() ? std::nullopt
                                 : std::optional(static_cast<JwsAlgorithm>(found - kNames.begin()));
}

bool looks_like_jws(std::string_view credential) {
    const size_t dot = credential.find('.');
    if (dot == std::string_view::npos ||
        std::count(credential.begin(), credential.end(), '.') != 2) {
        return false;
    }
    const auto header = decode_base64url(credential.substr(0, std::min(dot, kLongestToken)));
    const size_t first = header ? header->find_first_not_of(" \t\r\n") : std::string::npos;
    return first != std::string::npos && (*header)[first] == '{';
}

tl::expected<Jws, std::string> read_jws(std::string_view token) {
    if (token.size() > kLongestToken) {
        return wrong("it is longer than 8192 bytes");
    }
    const size_t first = token.find('.');
    const size_t second = first == token.npos ? token.npos : token.find('.', first + 1);
    if (second == token.npos || token.find('.', second + 1) != token.npos) {
        return wrong("it does not have three parts");
    }
    const auto header = decode_base64url(token.substr(0, first));
    auto payload = decode_base64url(token.substr(first + 1, second - first - 1));
    auto signature = decode_base64url(token.substr(second + 1));
    if (!header || !payload || !signature) {
        return wrong("it is not valid base64url");
    }
    Jws jws;
    if (auto read = read_header(*header, jws); !read) {
        return tl::unexpected(std::move(read.error()));
    }
    jws.signed_part = token.substr(0, second);
    jws.payload = std::move(*payload);
    jws.signature = std::move(*signature);
    return jws;
}

}  // namespace gateway

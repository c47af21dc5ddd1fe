// Parses a signed token in compact form (RFC 7515). It does not verify the signature.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

// The signature algorithms that are accepted.
enum class JwsAlgorithm : uint8_t {
    hs256,
    hs384,
    hs512,
    rs256,
    rs384,
    rs512,
    ps256,
    ps384,
    ps512,
    es256,
    es384,
    eddsa,
};

std::optional<JwsAlgorithm> algorithm_named(std::string_view name);

struct Jws {
    JwsAlgorithm algorithm = JwsAlgorithm::hs256;
    std::optional<std::string> key_id;
    std::string_view signed_part;  // the part of the token that is signed
    std::string payload;
    std::string signature;
};

// Whether a credential has the form of a token: three parts, and the first one is a JSON object in
// base64url. A virtual key never has this form in practice.
bool looks_like_jws(std::string_view credential);

// Returns the token, or a sentence about what is wrong with it.
tl::expected<Jws, std::string> read_jws(std::string_view token);

}  // namespace gateway

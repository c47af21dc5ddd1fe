// A signed token in its compact form (RFC 7515), taken apart and not yet believed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

// Those that are signed by, and that we verify.
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
    std::string_view signed_part;  // of the token
    std::string payload;
    std::string signature;
};

// Whether it is meant as one: three parts, of which the first is a JSON object in base64url. An
// opaque key that looks so by chance is none that anybody would mint.
bool looks_like_jws(std::string_view credential);

// Or one sentence about what is wrong with it.
tl::expected<Jws, std::string> read_jws(std::string_view token);

}  // namespace gateway

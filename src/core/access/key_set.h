// The keys that tokens are verified with: a JSON Web Key Set (RFC 7517, 7518, 8037), each of its
// keys held to the algorithms that it is for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/access/jws.h"
#include "core/json/document.h"

struct evp_pkey_st;

namespace gateway {

class VerificationKey {
 public:
    enum class Type : uint8_t { secret, rsa, p256, p384, ed25519 };

    // Nothing for a key that is not for this: for encryption, of another kind, or without what it
    // needs; `problem` says which.
    static std::optional<VerificationKey> read(JsonValue jwk, std::string &problem);

    [[nodiscard]] Type type() const { return type_; }
    [[nodiscard]] const std::optional<std::string> &id() const { return id_; }
    // Whether it may verify such a signature at all.
    [[nodiscard]] bool is_for(JwsAlgorithm algorithm) const;
    [[nodiscard]] bool verifies(const Jws &jws) const;

 private:
    bool read_material(JsonValue jwk, std::string &problem);

    Type type_ = Type::secret;
    std::optional<std::string> id_;
    std::optional<JwsAlgorithm> only_;  // the one that it says it is for
    std::string secret_;
    std::shared_ptr<evp_pkey_st> key_;
};

class KeySet {
 public:
    // From an address anybody who may answer for it could hand us a secret that they know.
    enum class Origin : uint8_t { file, address };

    // Or one sentence. Keys that are for something else are passed over; there must be one that is
    // not.
    static tl::expected<std::shared_ptr<const KeySet>, std::string> read(JsonValue document,
                                                                         Origin origin);
    static tl::expected<std::shared_ptr<const KeySet>, std::string> read(std::string_view text,
                                                                         Origin origin);

    enum class Verdict : uint8_t { good, bad, unknown_key };
    [[nodiscard]] Verdict verify(const Jws &jws) const;

 private:
    std::vector<VerificationKey> keys_;
};

}  // namespace gateway

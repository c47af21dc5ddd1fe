// The keys that verify tokens: a JSON Web Key Set (RFC 7517, 7518, 8037). Each key is used only
// with the algorithms of its type.
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

    // Returns nothing for a key that cannot verify tokens: a key for encryption, of another type,
    // or incomplete. `problem` then has the reason.
    static std::optional<VerificationKey> read(JsonValue jwk, std::string &problem);

    [[nodiscard]] Type type() const { return type_; }
    [[nodiscard]] const std::optional<std::string> &id() const { return id_; }
    // Whether the key may verify signatures of this algorithm.
    [[nodiscard]] bool is_for(JwsAlgorithm algorithm) const;
    [[nodiscard]] bool verifies(const Jws &jws) const;

 private:
    bool read_material(JsonValue jwk, std::string &problem);

    Type type_ = Type::secret;
    std::optional<std::string> id_;
    std::optional<JwsAlgorithm> only_;  // the only algorithm that the key allows, if it names one
    std::string secret_;
    std::shared_ptr<evp_pkey_st> key_;
};

class KeySet {
 public:
    // Secrets are not accepted from a URL: whoever controls it could insert a secret that they
    // know.
    enum class Origin : uint8_t { file, address };

    // Returns the key set, or a sentence about what is wrong. Skips keys for other purposes, but
    // requires at least one usable key.
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

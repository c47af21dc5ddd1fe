#include "core/access/key_set.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <utility>

#include "core/access/base64url.h"
#include "core/bytes/openssl_errors.h"

namespace gateway {

namespace {

constexpr size_t kMaxKeys = 1000;
constexpr int kMaxTried = 4;  // keys without an id, for a token without a key id

using KeyPointer = std::shared_ptr<evp_pkey_st>;
using Type = VerificationKey::Type;

template <auto kFree>
struct Free {
    template <typename T>
    void operator()(T *pointer) const {
        kFree(pointer);
    }
};
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using ParameterBuilder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

const unsigned char *bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char *>(text.data());
}

struct Digest {
    const char *name;
    size_t size;
};

Digest digest_of(JwsAlgorithm algorithm) {
    switch (algorithm) {
        case JwsAlgorithm::hs384:
        case JwsAlgorithm::rs384:
        case JwsAlgorithm::ps384:
        case JwsAlgorithm::es384: return {"SHA384", 48};
        case JwsAlgorithm::hs512:
        case JwsAlgorithm::rs512:
        case JwsAlgorithm::ps512: return {"SHA512", 64};
        default: return {"SHA256", 32};
    }
}

bool is_pss(JwsAlgorithm algorithm) {
    return algorithm == JwsAlgorithm::ps256 || algorithm == JwsAlgorithm::ps384 ||
           algorithm == JwsAlgorithm::ps512;
}

std::optional<Type> type_for(JwsAlgorithm algorithm) {
    switch (algorithm) {
        case JwsAlgorithm::hs256:
        case JwsAlgorithm::hs384:
        case JwsAlgorithm::hs512: return Type::secret;
        case JwsAlgorithm::es256: return Type::p256;
        case JwsAlgorithm::es384: return Type::p384;
        case JwsAlgorithm::eddsa: return Type::ed25519;
        default: return Type::rsa;
    }
}

KeyPointer build_key(const char *type, OSSL_PARAM_BLD *builder) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
    const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
    EVP_PKEY *key = nullptr;
    if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
        return nullptr;
    }
    return {key, EVP_PKEY_free};
}

// Larger keys take too much time per request; smaller keys are not secure.
KeyPointer read_rsa(const std::string &modulus, const std::string &exponent) {
    constexpr int kMinBits = 2048;
    constexpr int kMaxBits = 8192;
    constexpr int kMaxExponentBits = 32;
    const Number n(BN_bin2bn(bytes_of(modulus), static_cast<int>(modulus.size()), nullptr));
    const Number e(BN_bin2bn(bytes_of(exponent), static_cast<int>(exponent.size()), nullptr));
    if (n == nullptr || e == nullptr || BN_num_bits(n.get()) < kMinBits ||
        BN_num_bits(n.get()) > kMaxBits || !BN_is_odd(n.get()) || !BN_is_odd(e.get()) ||
        BN_is_one(e.get()) || BN_num_bits(e.get()) > kMaxExponentBits) {
        return nullptr;
    }
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    if (builder == nullptr ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
        return nullptr;
    }
    return build_key("RSA", builder.get());
}

// A point that is not on the curve is not a key.
KeyPointer read_point(const char *curve, size_t size, const std::string &x, const std::string &y) {
    if (x.size() != size || y.size() != size) {
        return nullptr;
    }
    const std::string point = '\x04' + x + y;
    const ParameterBuilder builder(OSSL_PARAM_BLD_new());
    if (builder == nullptr ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                         point.size()) != 1) {
        return nullptr;
    }
    KeyPointer key = build_key("EC", builder.get());
    const KeyContext check(
        key == nullptr ? nullptr : EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
    return check != nullptr && EVP_PKEY_public_check(check.get()) == 1 ? key : nullptr;
}

KeyPointer read_ed25519(const std::string &x) {
    constexpr size_t kSize = 32;
    return x.size() != kSize ? nullptr
                             : KeyPointer(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                                                      bytes_of(x), x.size()),
                                          EVP_PKEY_free);
}

// Converts a signature from JWS form, two numbers side by side, to DER for OpenSSL. Returns an
// empty text if the signature does not have that form.
std::string to_der(const std::string &signature, size_t number_size) {
    if (signature.size() != number_size * 2) {
        return {};
    }
    const std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> numbers(ECDSA_SIG_new());
    Number r(BN_bin2bn(bytes_of(signature), static_cast<int>(number_size), nullptr));
    Number s(BN_bin2bn(bytes_of(signature) + number_size, static_cast<int>(number_size), nullptr));
    if (numbers == nullptr || r == nullptr || s == nullptr ||
        ECDSA_SIG_set0(numbers.get(), r.get(), s.get()) != 1) {
        return {};
    }
    [[maybe_unused]] const BIGNUM *given[] = {r.release(), s.release()};  // `numbers` owns them now
    unsigned char *der = nullptr;
    const int size = i2d_ECDSA_SIG(numbers.get(), &der);
    const std::unique_ptr<unsigned char, Free<[](unsigned char *p) { OPENSSL_free(p); }>> owned(
        der);
    return size <= 0 ? std::string()
                     : std::string(reinterpret_cast<char *>(der), static_cast<size_t>(size));
}

bool verify_hmac(const std::string &secret, const Jws &jws) {
    const Digest digest = digest_of(jws.algorithm);
    unsigned char expected[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    return secret.size() >= digest.size && jws.signature.size() == digest.size &&
           HMAC(EVP_get_digestbyname(digest.name), secret.data(), static_cast<int>(secret.size()),
                bytes_of(jws.signed_part), jws.signed_part.size(), expected, &size) != nullptr &&
           size == digest.size && CRYPTO_memcmp(expected, jws.signature.data(), size) == 0;
}

bool verify_with(EVP_PKEY *key, Type type, const Jws &jws) {
    std::string der;
    std::string_view signature = jws.signature;
    if (type == Type::p256 || type == Type::p384) {
        constexpr size_t kP256 = 32;
        constexpr size_t kP384 = 48;
        der = to_der(jws.signature, type == Type::p256 ? kP256 : kP384);
        signature = der;
    }
    const char *digest = type == Type::ed25519 ? nullptr : digest_of(jws.algorithm).name;
    const DigestContext context(EVP_MD_CTX_new());
    EVP_PKEY_CTX *options = nullptr;
    if (signature.empty() || context == nullptr ||
        EVP_DigestVerifyInit_ex(context.get(), &options, digest, nullptr, nullptr, key, nullptr) !=
            1) {
        return false;
    }
    if (is_pss(jws.algorithm) &&
        (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
         EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
        return false;
    }
    return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                            bytes_of(jws.signed_part), jws.signed_part.size()) == 1;
}

// A missing member gives an empty text.
std::string part_of(JsonValue jwk, const char *name) {
    return decode_base64url(jwk[name].string()).value_or(std::string());
}

bool is_to_verify(JsonValue jwk) {
    const JsonValue use = jwk["use"];
    if (use && use.string() != "sig") {
        return false;
    }
    const JsonValue operations = jwk["key_ops"];
    if (!operations) {
        return true;
    }
    bool may = false;
    for (const JsonValue operation : operations) {
        may = may || operation.string() == "verify";
    }
    return may;
}

}  // namespace

bool VerificationKey::read_material(JsonValue jwk, std::string &problem) {
    const OpenSslErrors emptied;
    const std::string_view type = jwk["kty"].string();
    const std::string_view curve = jwk["crv"].string();
    if (type == "oct") {
        constexpr size_t kMin = 32;
        type_ = Type::secret;
        secret_ = part_of(jwk, "k");
        problem = "has a secret of less than 32 bytes";
        return secret_.size() >= kMin;
    }
    if (type == "RSA") {
        type_ = Type::rsa;
        key_ = read_rsa(part_of(jwk, "n"), part_of(jwk, "e"));
        problem = "is not an RSA key of 2048 to 8192 bits";
    } else if (type == "EC" && (curve == "P-256" || curve == "P-384")) {
        constexpr size_t kP256 = 32;
        constexpr size_t kP384 = 48;
        type_ = curve == "P-256" ? Type::p256 : Type::p384;
        key_ =
            read_point(type_ == Type::p256 ? "prime256v1" : "secp384r1",
                       type_ == Type::p256 ? kP256 : kP384, part_of(jwk, "x"), part_of(jwk, "y"));
        problem = "is not a point of its curve";
    } else if (type == "OKP" && curve == "Ed25519") {
        type_ = Type::ed25519;
        key_ = read_ed25519(part_of(jwk, "x"));
        problem = "is not an Ed25519 key";
    } else {
        problem = "has a type or curve that is not supported";
    }
    return key_ != nullptr;
}

std::optional<VerificationKey> VerificationKey::read(JsonValue jwk, std::string &problem) {
    VerificationKey key;
    if (!jwk.is(JsonKind::object) || !is_to_verify(jwk)) {
        problem = "is not for signatures";
        return std::nullopt;
    }
    if (!key.read_material(jwk, problem)) {
        return std::nullopt;
    }
    if (const JsonValue id = jwk["kid"]) {
        key.id_ = id.string();
    }
    if (const JsonValue algorithm = jwk["alg"]) {
        // RFC 9864's name for what RFC 8037 calls EdDSA
        const bool fully = algorithm.string() == "Ed25519";
        key.only_ = fully ? JwsAlgorithm::eddsa : algorithm_named(algorithm.string());
        if (!key.only_ || type_for(*key.only_) != key.type_) {
            problem = "is for an algorithm that is not supported";
            return std::nullopt;
        }
    }
    return key;
}

bool VerificationKey::is_for(JwsAlgorithm algorithm) const {
    return type_for(algorithm) == type_ && (!only_ || *only_ == algorithm);
}

bool VerificationKey::verifies(const Jws &jws) const {
    const OpenSslErrors emptied;
    return is_for(jws.algorithm) && (type_ == Type::secret ? verify_hmac(secret_, jws)
                                                           : verify_with(key_.get(), type_, jws));
}

tl::expected<std::shared_ptr<const KeySet>, std::string> KeySet::read(JsonValue document,
                                                                      Origin origin) {
    const JsonValue keys = document["keys"];
    if (!keys.is(JsonKind::array) || keys.size() > kMaxKeys) {
        return tl::unexpected(std::string("has no list \"keys\" of at most 1000 keys"));
    }
    auto set = std::make_shared<KeySet>();
    std::string first_problem;
    for (const JsonValue jwk : keys) {
        std::string problem;
        auto key = VerificationKey::read(jwk, problem);
        if (key && key->type() == Type::secret && origin == Origin::address) {
            key.reset();
            problem = "is a secret, which is not accepted from a URL";
        }
        if (key) {
            set->keys_.push_back(std::move(*key));
        } else if (first_problem.empty()) {
            first_problem = problem;
        }
    }
    if (set->keys_.empty()) {
        return tl::unexpected("has no key for signatures" +
                              (first_problem.empty() ? "" : "; the first " + first_problem));
    }
    return std::shared_ptr<const KeySet>(std::move(set));
}

tl::expected<std::shared_ptr<const KeySet>, std::string> KeySet::read(std::string_view text,
                                                                      Origin origin) {
    const auto document = JsonDocument::read(text, kOperatorsJson);
    if (!document) {
        return tl::unexpected("is not valid JSON near byte " +
                              std::to_string(document.error().offset) + ": " +
                              document.error().message);
    }
    return read(document->root(), origin);
}

KeySet::Verdict KeySet::verify(const Jws &jws) const {
    int tried = 0;
    bool known = false;
    for (const VerificationKey &key : keys_) {
        const bool is_meant = !jws.key_id || key.id() == jws.key_id;
        known = known || is_meant;
        if (!is_meant || !key.is_for(jws.algorithm)) {
            continue;
        }
        if (key.verifies(jws)) {
            return Verdict::good;
        }
        if (++tried == kMaxTried) {
            break;
        }
    }
    return known ? Verdict::bad : Verdict::unknown_key;
}

}  // namespace gateway

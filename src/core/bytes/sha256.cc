#include "core/bytes/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <stdexcept>

#include "core/bytes/openssl_errors.h"

namespace gateway {

namespace {

// With EVP_sha256(), OpenSSL 3 searches for the algorithm on every use, which costs more than the
// hash itself. So it is fetched once per thread.
struct Hasher {
    Hasher()
        : algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free),
          context(EVP_MD_CTX_new(), EVP_MD_CTX_free) {}
    std::unique_ptr<EVP_MD, void (*)(EVP_MD *)> algorithm;
    std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX *)> context;
};

void require(bool done) {
    if (!done) {
        const OpenSslErrors emptied;
        throw std::runtime_error("SHA-256 is not available");
    }
}

EVP_MD_CTX *as_context(const std::shared_ptr<void> &context) {
    return static_cast<EVP_MD_CTX *>(context.get());
}

std::optional<uint8_t> hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<uint8_t>(c - '0');
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<uint8_t>(c - 'a' + 10);
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<uint8_t>(c - 'A' + 10);
    }
    return std::nullopt;
}

}  // namespace

Sha256 sha256(std::string_view text) {
    thread_local const Hasher hasher;
    Sha256 digest{};
    unsigned size = 0;
    require(EVP_DigestInit_ex(hasher.context.get(), hasher.algorithm.get(), nullptr) == 1 &&
            EVP_DigestUpdate(hasher.context.get(), text.data(), text.size()) == 1 &&
            EVP_DigestFinal_ex(hasher.context.get(), digest.data(), &size) == 1);
    return digest;
}

Sha256Stream::Sha256Stream()
    : context_(EVP_MD_CTX_new(),
               [](void *context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX *>(context)); }) {
    require(context_ != nullptr &&
            EVP_DigestInit_ex(as_context(context_), EVP_sha256(), nullptr) == 1);
}

void Sha256Stream::add(std::string_view piece) {
    require(EVP_DigestUpdate(as_context(context_), piece.data(), piece.size()) == 1);
}

Sha256 Sha256Stream::finish() {
    Sha256 digest{};
    unsigned size = 0;
    require(EVP_DigestFinal_ex(as_context(context_), digest.data(), &size) == 1);
    return digest;
}

// Throws if it is not available: zeros must not serve as a signature.
Sha256 hmac_sha256(std::span<const uint8_t> key, std::string_view text) {
    Sha256 code{};
    unsigned length = 0;
    require(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                 reinterpret_cast<const unsigned char *>(text.data()), text.size(), code.data(),
                 &length) != nullptr);
    return code;
}

Sha256 hmac_sha256(std::string_view key, std::string_view text) {
    return hmac_sha256(std::span(reinterpret_cast<const uint8_t *>(key.data()), key.size()), text);
}

bool equal_in_constant_time(const Sha256 &a, const Sha256 &b) {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(const Sha256 &bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::optional<Sha256> parse_sha256(std::string_view hex) {
    Sha256 digest{};
    if (hex.size() != digest.size() * 2) {
        return std::nullopt;
    }
    for (size_t i = 0; i < digest.size(); ++i) {
        const auto high = hex_digit(hex[i * 2]);
        const auto low = hex_digit(hex[i * 2 + 1]);
        if (!high || !low) {
            return std::nullopt;
        }
        digest[i] = static_cast<uint8_t>((*high << 4) | *low);
    }
    return digest;
}

}  // namespace gateway

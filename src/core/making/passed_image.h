// An image in base64 that is passed through: it goes to the client while it comes from its
// provider, so that only its two ends are here. Looks whether what came is the image, and whole.
#pragma once

#include <cstddef>
#include <string>

#include "core/bytes/bytes.h"
#include "core/outcome.h"

namespace gateway {

class PassedImage {
 public:
    [[nodiscard]] bool has_begun() const { return begins_at_ != nullptr; }
    void take(const Bytes &piece);

    // Whether the image is the one that came, and whole. Then its size becomes known.
    bool complete(Image &image);
    // What the provider left out at the end, and the client must still be sent.
    [[nodiscard]] std::string missing_padding() const { return std::string(not_padded_, '='); }

 private:
    const char *begins_at_ = nullptr;
    size_t characters_ = 0;  // of base64
    size_t padding_ = 0;
    std::string tail_;       // its last characters, without escapes
    size_t not_padded_ = 0;  // characters of padding that its provider has left out
};

}  // namespace gateway

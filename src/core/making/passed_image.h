// An image in base64 that is passed through. Its bytes go to the client as they arrive, so the
// gateway has only its beginning and its end. Checks by these whether the image is complete.
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

    // Whether `image`, of the provider's outcome, is the one that was passed through and is
    // complete. Sets its number of bytes.
    bool complete(Image &image);
    // Padding that the provider left out at the end and that must still be sent to the client.
    [[nodiscard]] std::string missing_padding() const { return std::string(not_padded_, '='); }

 private:
    const char *begins_at_ = nullptr;
    size_t characters_ = 0;  // of base64
    size_t padding_ = 0;
    std::string tail_;       // the last characters, without escapes
    size_t not_padded_ = 0;  // characters of padding that the provider left out
};

}  // namespace gateway

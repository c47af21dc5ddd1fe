// An image in base64 that is passed through. Its bytes go to the client as they arrive, so the
// gateway has only its beginning. Reads its facts as its pieces go by.
#pragma once

#include <cstddef>
#include <string>

#include "core/bytes/bytes.h"
#include "core/images/base64_inspector.h"
#include "core/outcome.h"

namespace gateway {

class PassedImage {
 public:
    [[nodiscard]] bool has_begun() const { return begins_at_ != nullptr; }
    void take(const Bytes &piece);

    // Whether `image`, of the provider's outcome, is the one that was passed through and is
    // complete. Sets what only its end says: its number of bytes and its provenance.
    bool complete(Image &image);
    // Padding that the provider left out at the end and that must still be sent to the client.
    [[nodiscard]] std::string missing_padding() const { return std::string(not_padded_, '='); }

 private:
    const char *begins_at_ = nullptr;
    Base64Inspector inspector_;
    size_t not_padded_ = 0;  // characters of padding that the provider left out
};

}  // namespace gateway

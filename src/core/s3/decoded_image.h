// An image that is held as base64, as the bytes that it stands for. They are decoded while they are
// read, on the task pool, so that no image is ever copied as a whole.
#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "core/bytes/bytes.h"
#include "core/bytes/content.h"
#include "core/images/base64_stream.h"

namespace gateway {

class DecodedImage final : public ByteFile {
 public:
    explicit DecodedImage(Bytes base64) : base64_(std::move(base64)) {}

    // Fast in the order of the bytes, from the beginning. Reads again from there for any other.
    size_t read(uint64_t offset, std::span<char> into) const noexcept override;

    struct Digest {
        bool whole = false;  // else it is not base64
        size_t size = 0;
        std::string sha256;  // in hexadecimal digits
    };
    // Reads all of it. For the task pool.
    [[nodiscard]] Digest digest() const;

 private:
    size_t read_on(std::span<char> into) const noexcept;

    Bytes base64_;
    mutable std::mutex mutex_;  // a task whose result nobody needs may still be reading
    mutable std::optional<Base64Reader> reader_;
    mutable uint64_t position_ = 0;
};

}  // namespace gateway

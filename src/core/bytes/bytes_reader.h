// Reads bytes in order into memory of someone else: the body of a request, as it is sent.
#pragma once

#include <cstddef>
#include <span>

#include "core/bytes/bytes.h"

namespace gateway {

class BytesReader {
 public:
    // Refers to `bytes`, which must outlive it and stay as they are.
    explicit BytesReader(const Bytes &bytes) : bytes_(bytes) {}

    // Copies the next bytes, as many as `into` takes, and returns how many; 0 at the end.
    size_t read(std::span<char> into) noexcept;
    // The next byte to read is the one at `offset`. False beyond the end.
    bool seek(size_t offset) noexcept;

 private:
    const Bytes &bytes_;
    size_t slice_ = 0;
    size_t offset_ = 0;  // in that slice
};

}  // namespace gateway

// Where the bytes of an image file come from and go to: a range of a file, blocks of memory. Only
// threads of the task pool call them, so an implementation may block. An exception counts as a
// failure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace gateway {

class ByteSource {
 public:
    virtual ~ByteSource() = default;
    // Copies bytes from `offset` on. Returns how many: fewer than fit only at the end. Returns
    // nothing if they cannot be read. Offsets mostly rise, but a reader may begin again.
    virtual std::optional<size_t> read(uint64_t offset, std::span<uint8_t> into) = 0;
};

class ByteSink {
 public:
    virtual ~ByteSink() = default;
    // Appends. Returns false if the bytes cannot be written; then nothing more is written.
    virtual bool write(std::span<const uint8_t> bytes) = 0;
};

}  // namespace gateway

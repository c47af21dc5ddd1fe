// Sources over bytes in memory: as they are, and written in base64. Neither shares the memory of
// the bytes, because a thread of the task pool must not release a block: who makes a source keeps
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/bytes/bytes.h"
#include "core/images/base64_stream.h"
#include "core/images/byte_ports.h"

namespace gateway {

class BytesSource final : public ByteSource {
 public:
    explicit BytesSource(const Bytes &bytes) : bytes_(bytes) {}
    explicit BytesSource(const Bytes &&) = delete;

    std::optional<size_t> read(uint64_t offset, std::span<uint8_t> into) override;

 private:
    const Bytes &bytes_;
};

// Going back decodes from the beginning; going forward decodes what lies between.
class Base64Source final : public ByteSource {
 public:
    explicit Base64Source(const Bytes &text) : text_(text) {}
    explicit Base64Source(const Bytes &&) = delete;

    // Returns nothing where the text is not base64.
    std::optional<size_t> read(uint64_t offset, std::span<uint8_t> into) override;

 private:
    const Bytes &text_;
    std::optional<Base64Reader> reader_;
    uint64_t position_ = 0;  // of the reader, in decoded bytes
};

}  // namespace gateway

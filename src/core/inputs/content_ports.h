// Where converters read input images, and where they write what becomes of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/bytes/content.h"
#include "core/images/byte_ports.h"
#include "core/inputs/spool.h"

namespace gateway {

class ContentSource final : public ByteSource {
 public:
    explicit ContentSource(Content content) : content_(std::move(content)) {}
    std::optional<size_t> read(uint64_t offset, std::span<uint8_t> into) override;

 private:
    Content content_;
};

// Keeps a short content in memory, and writes a longer one to a file.
class SpoolSink final : public ByteSink {
 public:
    static constexpr size_t kMaxInMemory = size_t{64} * 1024;

    explicit SpoolSink(const SpoolFiles *files) : files_(files) {}
    bool write(std::span<const uint8_t> bytes) override;
    // What was written. Call it last.
    [[nodiscard]] Content content() &&;

 private:
    const SpoolFiles *files_;
    std::string memory_;
    std::shared_ptr<SpoolFile> file_;
    size_t size_ = 0;
};

}  // namespace gateway

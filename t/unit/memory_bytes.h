// A source and a sink of bytes in memory, which can be told to fail.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/images/byte_ports.h"

namespace gateway {

class MemorySource final : public ByteSource {
 public:
    explicit MemorySource(std::string bytes) : bytes_(std::move(bytes)) {}

    std::optional<size_t> read(uint64_t offset, std::span<uint8_t> into) override {
        ++reads;
        if (reads == abort_at) {
            abort.store(true);
        }
        if (reads == throw_at) {
            throw std::runtime_error("the source throws");
        }
        if (offset >= fail_from) {
            return std::nullopt;
        }
        const std::string_view rest =
            std::string_view(bytes_).substr(std::min<uint64_t>(offset, bytes_.size()));
        const size_t count = std::min(rest.size(), into.size());
        std::copy_n(rest.begin(), count, into.begin());
        return count;
    }

    uint64_t fail_from = std::numeric_limits<uint64_t>::max();
    int throw_at = 0;  // the number of a read, from 1
    int abort_at = 0;
    int reads = 0;
    std::atomic<bool> abort = false;

 private:
    std::string bytes_;
};

class MemorySink final : public ByteSink {
 public:
    bool write(std::span<const uint8_t> more) override {
        if (bytes.size() >= fail_from) {
            return false;
        }
        bytes.append(reinterpret_cast<const char *>(more.data()), more.size());
        largest = std::max(largest, more.size());
        return true;
    }

    std::string bytes;
    size_t largest = 0;
    size_t fail_from = std::numeric_limits<size_t>::max();
};

}  // namespace gateway

// Files of the tests for input images: in memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/inputs/spool.h"

namespace gateway {

class MemoryFile final : public SpoolFile {
 public:
    explicit MemoryFile(std::string bytes = {}, size_t room = std::string::npos)
        : bytes_(std::move(bytes)), room_(room) {}
    size_t read(uint64_t offset, std::span<char> into) const noexcept override {
        return offset >= bytes_.size()
                   ? 0
                   : std::string_view(bytes_).substr(offset).copy(into.data(), into.size());
    }
    bool append(std::string_view bytes) noexcept override {
        if (bytes_.size() + bytes.size() > room_) {
            return false;
        }
        bytes_ += bytes;
        return true;
    }

 private:
    std::string bytes_;
    size_t room_;
};

class MemoryFiles final : public SpoolFiles {
 public:
    std::shared_ptr<SpoolFile> create() const noexcept override {
        ++created;
        return room == 0 ? nullptr : std::make_shared<MemoryFile>(std::string(), room);
    }
    size_t room = std::string::npos;  // of each file
    mutable int created = 0;
};

inline std::string text_of(const Content &content) {
    std::string text;
    return content.copy_to(text) ? text : "unreadable";
}

}  // namespace gateway

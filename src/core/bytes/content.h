// The bytes of an input image: in memory, or a range of a file. To copy one copies no bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gateway {

// A file without a name, which goes when the last reference goes.
class ByteFile {
 public:
    virtual ~ByteFile() = default;
    // Reads the bytes from `offset` on. Returns fewer than `into` has room for only at the end of
    // the file, or if it cannot be read. May block, so only threads of the task pool may call it,
    // and any number of them.
    virtual size_t read(uint64_t offset, std::span<char> into) const noexcept = 0;
};

class Content {
 public:
    Content() = default;
    static Content in_memory(std::string bytes);
    // Of which only the size is known. Nothing can be read from it.
    static Content of_size(size_t size);
    static Content in_file(std::shared_ptr<const ByteFile> file, uint64_t offset, size_t size);

    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] bool is_in_file() const { return file_ != nullptr; }

    // Like ByteFile::read(). Does not block if the content is in memory.
    size_t read(size_t offset, std::span<char> into) const noexcept;
    // Whether all of it could be read.
    [[nodiscard]] bool copy_to(std::string &text) const;

 private:
    std::shared_ptr<const std::string> memory_;
    std::shared_ptr<const ByteFile> file_;
    uint64_t offset_ = 0;
    size_t size_ = 0;
};

}  // namespace gateway

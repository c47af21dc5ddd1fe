// Bytes by reference: a response goes from curl to the client as slices of the blocks that it was
// received into.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// A range of an open file.
struct FileRange {
    int descriptor = -1;
    uint64_t offset = 0;
    size_t size = 0;
};

// A piece of memory or of a file, and the owner that keeps it alive or open.
struct Slice {
    std::shared_ptr<const void> owner;
    std::string_view text;  // empty if it is a piece of a file
    FileRange file = {};

    [[nodiscard]] size_t size() const { return text.size() + file.size; }
};

class Bytes {
 public:
    Bytes() = default;
    static Bytes own(std::string text);
    // A copy, in one piece of memory of exactly its size.
    static Bytes copy_of(std::string_view text);

    // Makes room for so many further slices.
    void reserve(size_t slices) { slices_.reserve(slices_.size() + slices); }
    void append(Slice slice);
    void append(const Bytes &other);
    void append(std::string text);  // moves the text, does not copy it

    [[nodiscard]] const std::vector<Slice> &slices() const { return slices_; }
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    // The part [from, from + count), cut at the end of the bytes. Refers to the same memory.
    [[nodiscard]] Bytes part(size_t from, size_t count = std::string::npos) const;

    // Copies the first `max` bytes, without those in files. Use it for short texts only: errors,
    // image headers, tests.
    [[nodiscard]] std::string copy(size_t max = std::string::npos) const;

 private:
    std::vector<Slice> slices_;
    size_t size_ = 0;
};

}  // namespace gateway

// Bytes by reference: a response goes from curl to the client as slices of the blocks that it was
// received into.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// A piece of memory, and the owner that keeps it alive.
struct Slice {
    std::shared_ptr<const void> owner;
    std::string_view text;
};

class Bytes {
 public:
    Bytes() = default;
    static Bytes own(std::string text);
    // A copy, in one piece of memory of exactly its size.
    static Bytes copy_of(std::string_view text);

    void append(Slice slice);
    void append(const Bytes &other);
    void append(std::string text);  // moves the text, does not copy it

    [[nodiscard]] const std::vector<Slice> &slices() const { return slices_; }
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }

    // The part [from, from + count), cut at the end of the bytes. Refers to the same memory.
    [[nodiscard]] Bytes part(size_t from, size_t count = std::string::npos) const;

    // Copies the first `max` bytes. Use it for short texts only: errors, image headers, tests.
    [[nodiscard]] std::string copy(size_t max = std::string::npos) const;

 private:
    std::vector<Slice> slices_;
    size_t size_ = 0;
};

}  // namespace gateway

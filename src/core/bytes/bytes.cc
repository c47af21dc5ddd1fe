#include "core/bytes/bytes.h"

#include <algorithm>
#include <utility>

namespace gateway {

Bytes Bytes::own(std::string text) {
    Bytes bytes;
    bytes.append(std::move(text));
    return bytes;
}

Bytes Bytes::copy_of(std::string_view text) {
    Bytes bytes;
    if (!text.empty()) {
        auto copy = std::make_shared_for_overwrite<char[]>(text.size());
        text.copy(copy.get(), text.size());
        const std::string_view view(copy.get(), text.size());
        bytes.append(Slice{std::move(copy), view});
    }
    return bytes;
}

void Bytes::append(Slice slice) {
    const size_t size = slice.size();
    if (size == 0) {
        return;
    }
    if (!slices_.empty() && !slice.text.empty()) {
        Slice &last = slices_.back();
        if (last.owner == slice.owner && last.text.data() + last.text.size() == slice.text.data()) {
            last.text = {last.text.data(), last.text.size() + size};
            size_ += size;
            return;
        }
    }
    slices_.push_back(std::move(slice));
    size_ += size;
}

void Bytes::append(const Bytes &other) {
    slices_.reserve(slices_.size() + other.slices_.size());
    for (const Slice &slice : other.slices_) {
        append(slice);
    }
}

void Bytes::append(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const std::string_view view = *owner;
    append(Slice{std::move(owner), view});
}

Bytes Bytes::part(size_t from, size_t count) const {
    Bytes result;
    for (const Slice &slice : slices_) {
        if (count == 0) {
            break;
        }
        if (from >= slice.size()) {
            from -= slice.size();
            continue;
        }
        Slice piece = slice;
        if (slice.text.empty()) {
            piece.file.offset += from;
            piece.file.size = std::min(count, slice.file.size - from);
        } else {
            piece.text = slice.text.substr(from, count);
        }
        from = 0;
        count -= piece.size();
        result.append(std::move(piece));
    }
    return result;
}

std::string Bytes::copy(size_t max) const {
    std::string text;
    text.reserve(std::min(max, size_));
    for (const Slice &slice : slices_) {
        if (text.size() == max) {
            break;
        }
        text.append(slice.text.substr(0, max - text.size()));
    }
    return text;
}

}  // namespace gateway

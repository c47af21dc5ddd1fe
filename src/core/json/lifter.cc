#include "core/json/lifter.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

namespace gateway {

namespace {

// Sixteen bytes at once, in vector types of the compiler's own. Wider ones are slow where the
// machine has none.
using Lanes = int8_t __attribute__((vector_size(16)));

Lanes load(const char *bytes) {
    Lanes lanes;
    std::memcpy(&lanes, bytes, sizeof(lanes));
    return lanes;
}

// A control character, not ASCII (negative), or a backslash.
Lanes unusual(Lanes lanes) {
    return (lanes < 0x20) | (lanes == '\\');
}

bool any(Lanes lanes) {
    uint64_t halves[2];
    std::memcpy(halves, &lanes, sizeof(lanes));
    return (halves[0] | halves[1]) != 0;
}

// This looks at every byte of every image, so no branch until the end: there hardly ever is such a
// byte.
bool has_unusual(std::string_view text) {
    constexpr size_t kStride = 4 * sizeof(Lanes);
    const char *at = text.data();
    size_t left = text.size();
    Lanes bad{};
    for (; left >= kStride; at += kStride, left -= kStride) {
        bad |= unusual(load(at)) | unusual(load(at + 16)) | unusual(load(at + 32)) |
               unusual(load(at + 48));
    }
    return any(bad) || std::any_of(at, at + left, [](char c) {
               return static_cast<int8_t>(c) < 0x20 || c == '\\';
           });
}

// The slow look at a string that has_unusual: are all its escapes "\/" and the rest printable
// ASCII?
bool only_escaped_slashes(const Bytes &content) {
    bool after_backslash = false;
    for (const Slice &slice : content.slices()) {
        for (const char c : slice.text) {
            if (after_backslash) {
                if (c != '/') {
                    return false;
                }
                after_backslash = false;
            } else if (c == '\\') {
                after_backslash = true;
            } else if (static_cast<int8_t>(c) < 0x20) {
                return false;
            }
        }
    }
    return !after_backslash;
}

size_t trailing_backslashes(std::string_view text) {
    const size_t last_other = text.find_last_not_of('\\');
    return last_other == std::string_view::npos ? text.size() : text.size() - last_other - 1;
}

}  // namespace

Lifter::Lifter(std::shared_ptr<BlockPool> pool, Limits limits)
    : pool_(std::move(pool)), limits_(limits) {}

void Lifter::feed(std::string_view piece) {
    store(piece);
    scan(piece);
}

void Lifter::store(std::string_view piece) {
    while (!piece.empty()) {
        const size_t used = size_ % kBlockSize;
        if (used == 0) {
            blocks_.push_back(pool_->take());
        }
        const size_t count = std::min(piece.size(), kBlockSize - used);
        std::memcpy(blocks_.back().get() + used, piece.data(), count);
        size_ += count;
        piece.remove_prefix(count);
    }
}

void Lifter::scan(std::string_view piece) {
    const size_t base = scanned_;
    scanned_ += piece.size();
    size_t at = 0;
    while (at < piece.size()) {
        const size_t quote = piece.find('"', at);
        const std::string_view before = piece.substr(at, quote - at);
        if (!in_string_) {
            if (quote == std::string_view::npos) {
                return;
            }
            in_string_ = true;
            odd_backslashes_ = false;
            unusual_ = false;
            string_start_ = base + quote + 1;
            at = quote + 1;
            continue;
        }
        unusual_ = unusual_ || has_unusual(before);
        // A quote is escaped by an odd run of backslashes before it; the run may have begun in an
        // earlier piece.
        const size_t run = trailing_backslashes(before);
        const bool run_reaches_back = run == before.size();
        const bool escaped = ((run % 2) != 0) != (run_reaches_back && odd_backslashes_);
        if (quote == std::string_view::npos) {
            odd_backslashes_ = escaped;
            return;
        }
        odd_backslashes_ = false;
        if (!escaped) {
            close_string(base + quote);
        }
        at = quote + 1;
    }
}

void Lifter::close_string(size_t end) {
    in_string_ = false;
    if (end - string_start_ <= limits_.long_string) {
        return;
    }
    copy_to_outline(outlined_, string_start_);
    LiftedString lifted;
    lifted.position = result_.outline.size();
    lifted.content = refer(string_start_, end);
    lifted.plain = !unusual_ || only_escaped_slashes(lifted.content);
    result_.strings.push_back(std::move(lifted));
    outlined_ = end;
}

void Lifter::copy_to_outline(size_t from, size_t to) {
    if (to - from > limits_.outline_max - std::min(limits_.outline_max, result_.outline.size())) {
        result_.outline_too_large = true;
        return;
    }
    while (from < to) {
        const size_t offset = from % kBlockSize;
        const size_t count = std::min(to - from, kBlockSize - offset);
        result_.outline.append(blocks_[from / kBlockSize].get() + offset, count);
        from += count;
    }
}

Bytes Lifter::refer(size_t from, size_t to) const {
    Bytes bytes;
    while (from < to) {
        const size_t offset = from % kBlockSize;
        const size_t count = std::min(to - from, kBlockSize - offset);
        const Block &block = blocks_[from / kBlockSize];
        bytes.append(Slice{block, std::string_view(block.get() + offset, count)});
        from += count;
    }
    return bytes;
}

LiftedText Lifter::finish() && {
    copy_to_outline(outlined_, size_);
    result_.raw = refer(0, size_);
    return std::move(result_);
}

}  // namespace gateway

// Reads and writes base64 in pieces, so that no image is ever copied as a whole. The text is the
// content of a JSON string: "\/" stands for "/".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes/block_text.h"
#include "core/bytes/bytes.h"

namespace gateway {

// Accepts only canonical base64: no whitespace, no missing padding, no bits after the end.
class Base64Reader {
 public:
    // Refers to the text and does not share its memory, because another thread than the blocks' own
    // must not release a block. The creator of the reader must keep the text.
    explicit Base64Reader(const Bytes &text)
        : text_(text), state_(text.empty() ? State::whole : State::more) {}
    explicit Base64Reader(const Bytes &&) = delete;

    // Reads the next bytes. Returns fewer than `into` has room for only if the text has ended or is
    // not base64 from there on.
    size_t read(std::span<uint8_t> into);
    std::string read(size_t max);

    // Whether no more bytes follow. It is certain after a read that returned fewer bytes; at a
    // correct end of the text it is true at once.
    [[nodiscard]] bool is_at_end() const {
        return state_ != State::more && handed_out_ == waiting_;
    }

    // Whether the whole text was read and was valid base64.
    [[nodiscard]] bool is_whole() const {
        return state_ == State::whole && handed_out_ == waiting_;
    }

 private:
    enum class State : uint8_t { more, whole, broken };
    static constexpr size_t kGroups = 2048;  // groups of four characters: both buffers fit in L1

    size_t hand_out(std::span<uint8_t> into);
    size_t decode(size_t max_groups, uint8_t *into);
    std::string_view gather(size_t max);
    bool unescape(std::string_view piece, size_t *count);
    [[nodiscard]] bool is_text_used_up() const { return slice_ == text_.slices().size(); }

    const Bytes &text_;
    size_t slice_ = 0;  // the position of the next character to gather
    size_t offset_ = 0;
    bool after_backslash_ = false;
    State state_;
    std::array<uint8_t, 3> group_{};          // the decoded group, if a read had no room for it
    size_t waiting_ = 0;                      // the number of bytes in group_
    size_t handed_out_ = 0;                   // how many of them were read
    std::array<char, kGroups * 4> gathered_;  // characters without escapes; not initialised
};

class Base64Writer {
 public:
    explicit Base64Writer(Blocks blocks);

    void feed(std::string_view bytes);
    [[nodiscard]] size_t size() const { return size_; }  // the number of bytes fed
    // The number of further blocks that feeding `bytes` bytes and ending the text needs.
    [[nodiscard]] size_t blocks_for(size_t bytes) const {
        return text_.blocks_for((size_ % 3 + bytes + 2) / 3 * 4);
    }
    // Ends the text and returns it, or the part of it that was kept.
    Bytes finish() &&;

    [[nodiscard]] Bytes text() const { return text_.part(0, kept_to_.value_or(text_.size())); }
    // Ends the text, without returning it.
    void end();
    // Returns what was written since the last call. The writer keeps only what was written at the
    // first call.
    Bytes pass();

 private:
    void encode(std::string_view bytes);

    BlockText text_;
    std::optional<size_t> kept_to_;
    size_t passed_to_ = 0;
    size_t size_ = 0;
    bool ended_ = false;
    std::array<char, 3> kept_{};  // the size_ % 3 bytes that do not fill a group yet
};

// Whether the text has only letters of base64, "\/", and at most two "=" at its end.
bool is_base64_text(const Bytes &text);

// The number of "=" that are missing at the end of such a text; nothing if its length is
// impossible. `escaped`: the text may have escapes.
std::optional<size_t> missing_padding(const Bytes &text, bool escaped);

// How many of an image's last bytes say whether it is whole.
inline constexpr size_t kTailOfImage = 96;

// Each escape in a text has one backslash.
size_t count_backslashes(std::string_view text);

// The number of bytes that the text decodes to if it is base64. Checks only escapes and padding.
size_t decoded_size(const Bytes &text);

}  // namespace gateway

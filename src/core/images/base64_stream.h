// Base64 that is read and written a piece at a time, so that no picture is ever copied whole. The
// text is what a JSON string may hold between its quotes: "\/" stands for "/".
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

// Takes nothing but canonical base64: no whitespace, no missing padding, no bits behind the end.
class Base64Reader {
 public:
    // Refers to the text and takes no share in its memory, so that a thread which does not own the
    // blocks never gives one back: whoever made the reader keeps the text.
    explicit Base64Reader(const Bytes &text)
        : text_(text), state_(text.empty() ? State::whole : State::more) {}
    explicit Base64Reader(const Bytes &&) = delete;

    // The next bytes: fewer than asked for only when there are no more, because the text has ended
    // or what follows is not base64.
    size_t read(std::span<uint8_t> into);
    std::string read(size_t most);

    // Nothing more will come. Sure after a read that came back short; known at once where the text
    // ends as it should.
    [[nodiscard]] bool is_at_end() const {
        return state_ != State::more && handed_out_ == waiting_;
    }

    // All has been read, and it was base64 from the first character to the last.
    [[nodiscard]] bool is_whole() const {
        return state_ == State::whole && handed_out_ == waiting_;
    }

 private:
    enum class State : uint8_t { more, whole, broken };
    static constexpr size_t kGroups = 2048;  // of four characters: input and output fit in L1

    size_t hand_out(std::span<uint8_t> into);
    size_t decode(size_t most_groups, uint8_t *into);
    std::string_view gather(size_t most);
    bool unescape(std::string_view piece, size_t *count);
    [[nodiscard]] bool is_text_used_up() const { return slice_ == text_.slices().size(); }

    const Bytes &text_;
    size_t slice_ = 0;  // the next character to be gathered
    size_t offset_ = 0;
    bool after_backslash_ = false;
    State state_;
    std::array<uint8_t, 3> group_{};          // decoded for a read that had less room
    size_t waiting_ = 0;                      // bytes in it
    size_t handed_out_ = 0;                   // of them
    std::array<char, kGroups * 4> gathered_;  // without escapes; not zeroed
};

class Base64Writer {
 public:
    explicit Base64Writer(Blocks blocks);

    void feed(std::string_view bytes);
    [[nodiscard]] size_t size() const { return size_; }  // of the bytes fed
    // How many blocks more it takes to be fed so many bytes, and to end.
    [[nodiscard]] size_t blocks_for(size_t bytes) const {
        return text_.blocks_for((size_ % 3 + bytes + 2) / 3 * 4);
    }
    // No more comes: writes what is left. The whole text, or what was kept of it.
    Bytes finish() &&;

    [[nodiscard]] Bytes text() const { return text_.part(0, kept_to_.value_or(text_.size())); }
    // Writes what is left, without taking the text.
    void end();
    // From the first pass() on, only so much of the text is kept; each gives what was written since
    // the one before.
    Bytes pass();

 private:
    void encode(std::string_view bytes);

    BlockText text_;
    std::optional<size_t> kept_to_;
    size_t passed_to_ = 0;
    size_t size_ = 0;
    bool ended_ = false;
    std::array<char, 3> kept_{};  // the size_ % 3 bytes that are no group yet
};

// Whether the text has only letters of base64, "\/", and no more than two "=", at its end.
bool is_base64_text(const Bytes &text);

// How many "=" are missing at the end of such a text; nothing if it cannot be whole. `escaped`:
// there may be escapes.
std::optional<size_t> missing_padding(const Bytes &text, bool escaped);

// The last bytes of a whole text, kTailOfPicture at most.
inline constexpr size_t kTailOfPicture = 96;
std::string decode_tail(const Bytes &text);

// How many bytes the text stands for if it is base64; looks only for escapes and padding.
size_t decoded_size(const Bytes &text);

}  // namespace gateway

// The protocol of Redis, RESP version 2: commands as text, and a reader of replies, which arrive in
// pieces. What a reply may contain is bounded, because a wrong port may lead to any server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

struct RespValue {
    enum class Type : uint8_t { nil, status, error, integer, text, list };
    Type type = Type::nil;
    int64_t integer = 0;
    std::string text;  // of a status, an error or a text
    std::vector<RespValue> list;

    [[nodiscard]] bool is_error() const { return type == Type::error; }
    // Whether the error's first word is this one.
    [[nodiscard]] bool is_error(std::string_view word) const {
        return is_error() && text.starts_with(word) &&
               (text.size() == word.size() || text[word.size()] == ' ');
    }
    bool operator==(const RespValue &) const = default;
};

// Appends one argument of a command, and the number of arguments that follow.
void append_argument_count(std::string &out, size_t count);
void append_argument(std::string &out, std::string_view argument);
// Appends a whole command.
void append_command(std::string &out, std::span<const std::string_view> arguments);

class RespReader {
 public:
    static constexpr size_t kMaxLine = size_t{64} * 1024;
    static constexpr size_t kMaxText = size_t{1024} * 1024;
    static constexpr size_t kMaxValues = size_t{64} * 1024;  // in one reply
    static constexpr size_t kMaxBytes = size_t{4} * 1024 * 1024;
    static constexpr size_t kMaxDepth = 8;

    // Reads from the beginning of `bytes` and removes what it has read. Returns the next complete
    // reply; nothing if all bytes are read, or if they are no RESP.
    std::optional<RespValue> next(std::string_view &bytes);
    // The bytes were no RESP, or more than is allowed. The reader then reads nothing any more.
    [[nodiscard]] bool is_broken() const { return broken_; }
    // Whether a reply has begun.
    [[nodiscard]] bool is_within() const {
        return !lists_.empty() || !line_.empty() || text_left_ > 0;
    }

 private:
    struct OpenList {
        RespValue value;
        size_t left;
    };

    bool take_line(std::string_view &bytes);
    bool take_text(std::string_view &bytes);
    // A value has begun with this line. Returns it if it is complete.
    std::optional<RespValue> begin_value();
    // A value is complete: returns the reply if it is, too.
    std::optional<RespValue> end_value(RespValue value);
    std::optional<RespValue> fail();

    std::string line_;      // without its end
    std::string text_;      // a text that is not complete
    size_t text_left_ = 0;  // of it, with its "\r\n"
    std::vector<OpenList> lists_;
    size_t values_ = 0;  // begun in this reply
    size_t bytes_ = 0;   // of this reply
    bool broken_ = false;
};

}  // namespace gateway

// Reads one HTTP/1.1 response (RFC 9112) from bytes as they arrive. It is
// strict: what two readers could understand in different ways is an error,
// never a guess.
//
//   head (one or several: informational ones come first) ─▶ body ─▶ complete
//     \------------------------ anything else --------------------▶ invalid
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace gateway {

class ResponseParser {
 public:
    enum class State : uint8_t { head, body, complete, invalid };

    struct Step {
        size_t used = 0;        // bytes at the front of the input that were read
        std::string_view body;  // a part of them
    };
    // Reads the front of the input: up to the end of a head, or a piece of the
    // body of at most `max_body` bytes. Call it until all is used, or the
    // response is complete or invalid.
    Step take(std::string_view input, size_t max_body);
    // The connection was closed: this completes a body without a length, and
    // nothing else.
    void end();

    [[nodiscard]] State state() const { return state_; }
    // Why it is invalid.
    [[nodiscard]] const char *problem() const { return problem_; }
    // Whether all heads together are longer than the maximum.
    [[nodiscard]] bool is_head_too_large() const { return is_head_too_large_; }

    // Of the last head, also of one that is not complete.
    [[nodiscard]] int status() const { return status_; }
    // Its status line and fields, a line each. Of long heads only the first 64
    // KB.
    [[nodiscard]] const std::string &head() const { return head_; }
    std::string take_head() { return std::move(head_); }
    // The length of the body, if the head says it.
    [[nodiscard]] std::optional<uint64_t> length() const { return length_; }
    // Whether the connection may be used again after the complete response.
    [[nodiscard]] bool keeps_connection() const { return keeps_connection_; }

 private:
    enum class Part : uint8_t {
        status_line,
        field,
        whole,  // a body of a known length
        until_closed,
        chunk_size,
        chunk_data,
        chunk_end,
        trailer,
    };

    std::optional<std::string_view> take_line(std::string_view input, size_t &used);
    void take_head_line(std::string_view line);
    bool read_status_line(std::string_view line);
    bool read_field(std::string_view line);
    bool read_length(std::string_view value);
    bool read_coding(std::string_view value);
    void read_connection(std::string_view value);
    void end_head();
    void take_chunk_line(std::string_view line);
    void begin_head();
    void fail(const char *problem);

    State state_ = State::head;
    Part part_ = Part::status_line;
    std::string line_;       // the beginning of a line whose end has not come
    size_t head_bytes_ = 0;  // of all heads and trailers
    std::string head_;
    int status_ = 0;
    bool is_1_0_ = false;
    bool keeps_connection_ = false;
    bool is_head_too_large_ = false;
    bool is_chunked_ = false;
    bool says_close_ = false;
    bool says_keep_alive_ = false;
    std::optional<uint64_t> length_;
    uint64_t left_ = 0;  // bytes of the body or of the chunk
    const char *problem_ = "";
};

}  // namespace gateway

// Reads a body of multipart/form-data (RFC 7578, RFC 2046) while it arrives, in pieces of any size.
// Data of parts is not copied and not stored.
//
//                 boundary                CRLF        empty line
//     preamble ─────────────→ boundary line ───→ head ──────────→ data ─┐
//                               │       ↑             boundary          │
//                               │ "--"  └───────────────────────────────┘
//                               ↓
//                             epilogue
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/request/part_head.h"

namespace gateway {

bool is_multipart_form(std::string_view content_type);

// The boundary that a Content-Type of multipart/form-data names.
tl::expected<std::string, Problem> read_boundary(std::string_view content_type);

// Is called for each part in turn. A problem that it returns ends the reading.
class PartListener {
 public:
    virtual ~PartListener() = default;
    virtual std::optional<Problem> on_part(const PartHead &head) = 0;
    // The pieces of a part follow each other without gaps. `offset` is that of the piece in the
    // body. The piece is valid only during the call.
    virtual std::optional<Problem> on_data(std::string_view piece, uint64_t offset) = 0;
    virtual std::optional<Problem> on_part_end() = 0;
};

struct MultipartLimits {
    size_t parts = 512;
    size_t head_bytes = 8192;  // of one part
    size_t head_lines = 32;
    size_t outside_bytes = 8192;  // before the first boundary, and as many after the last
};

class MultipartReader {
 public:
    // The boundary has 1 to 70 characters. The listener must outlive the reader.
    MultipartReader(std::string_view boundary, PartListener &listener,
                    const MultipartLimits &limits = {});

    // False after a problem. Then the rest of the body need not be fed.
    bool feed(std::string_view piece);
    // Call it at the end of the body. False if there is a problem.
    bool finish();
    // Only after feed() or finish() has returned false.
    [[nodiscard]] const Problem &problem() const { return *problem_; }

 private:
    enum class Place : uint8_t { preamble, boundary_line, head, data, epilogue };
    enum class Line : uint8_t { start, hyphen, blank, carriage_return };

    size_t take(std::string_view piece);
    size_t take_content(std::string_view piece);
    size_t take_boundary_line(std::string_view piece);
    size_t take_head(std::string_view piece);
    size_t take_epilogue(std::string_view piece);
    size_t search(std::string_view piece, size_t from);
    void pass_on(std::string_view text, uint64_t offset);
    void end_content();
    void begin_head();
    void end_head_line(uint64_t offset);
    void end_head(uint64_t offset);
    void fail(std::string message);
    [[nodiscard]] std::string part() const { return describe_part(parts_, name_); }

    const std::string delimiter_;  // CRLF, two hyphens, the boundary
    PartListener &listener_;
    const MultipartLimits limits_;
    std::optional<Problem> problem_;

    Place place_ = Place::preamble;
    uint64_t offset_ = 0;  // in the body, of the next byte
    size_t parts_ = 0;     // that have begun
    std::string name_;     // of the part, once its head is read
    size_t outside_ = 0;   // bytes of the preamble or the epilogue
    Line line_ = Line::start;
    size_t blanks_ = 0;  // on the boundary's line

    // The last bytes that were fed are the first `matched_` bytes of the delimiter, the first
    // `assumed_` of which were not in the content: a delimiter needs no CRLF of its own at the
    // start of the body, nor where a part has no data.
    size_t matched_ = 2;
    size_t assumed_ = 2;

    std::string head_;
    size_t head_lines_ = 0;
    size_t line_start_ = 0;
};

}  // namespace gateway

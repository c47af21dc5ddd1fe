// The header lines of one part of a multipart/form-data body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/api_error.h"

namespace gateway {

struct PartHead {
    std::string name;  // 1 to 256 bytes of UTF-8 without control characters
    // Like `name`, but may be empty. Only for messages and logs: clients set it to anything. Absent
    // if the part has no file name.
    std::optional<std::string> file_name;
    // As declared, and not to be relied on. Up to 128 bytes of UTF-8. Empty if it is not declared.
    std::string content_type;
    uint64_t offset = 0;  // of the part's first byte of data, in the body
};

// `head` has the header lines, each with its CRLF. `number` is that of the part, counted from 1.
tl::expected<PartHead, Problem> read_part_head(std::string_view head, size_t number);

// "Part 3", or "Part 3 ('image')" if its name is known.
std::string describe_part(size_t number, std::string_view name);

// A name for a message: in quotes, and not too long.
std::string quoted_name(std::string_view name);

// The code of a problem of the body's structure.
inline constexpr const char *kInvalidMultipart = "invalid_multipart";

}  // namespace gateway

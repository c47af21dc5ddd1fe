// The unified contract as data: a row for each field of a request.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/request/image_request.h"
#include "core/words.h"

namespace gateway {

enum class FieldType : uint8_t { text, choice, integer, number, boolean, size, ratio };

struct Field {
    Param param;
    std::string_view name;
    FieldType type;
    int64_t min = INT64_MIN;
    int64_t max = INT64_MAX;
    std::string_view choices = {};  // separated by spaces
    bool required = false;
};

std::span<const Field> fields();
const Field &field_of(Param param);

// Width and height of "WxH"; false when it is not of that form or a side is 0 or absurd.
struct Pixels {
    int64_t width = 0;
    int64_t height = 0;
};
bool parse_size(std::string_view text, Pixels &pixels);

// Whether it is of the form "W:H".
bool is_ratio(std::string_view text);

}  // namespace gateway

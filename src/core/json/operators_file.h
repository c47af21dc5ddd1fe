// Helpers for reading the JSON files that operators write. Reading stops at the first mistake and
// reports its JSON path.
#pragma once

#include <string>
#include <string_view>

#include "core/json/document.h"

namespace gateway {

// Thrown only while a file is read.
struct Mistake {
    std::string text;
};

[[noreturn]] void fail(const std::string &path, const std::string &what);

void expect_object(const std::string &path, JsonValue value);

// Requires an object with no members except the known ones, which are separated by spaces.
void expect_members(const std::string &path, JsonValue object, std::string_view known);

}  // namespace gateway

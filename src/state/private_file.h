// Sees to it that nobody but its owner can read the state file and what SQLite keeps beside it.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace gateway {

// Makes the file if there is none: SQLite gives those beside it the same mode. What it has found
// and changed, for the log (empty: nothing); or why the file is not used.
tl::expected<std::string, std::string> make_private(const std::string &path);

}  // namespace gateway

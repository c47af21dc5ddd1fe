// Makes the state file, and the files that SQLite keeps beside it, readable by their owner only.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace gateway {

// Creates the file if there is none; SQLite gives the files beside it the same mode. Returns what
// was changed, for the log (empty: nothing), or why the file cannot be used.
tl::expected<std::string, std::string> make_private(const std::string &path);

}  // namespace gateway

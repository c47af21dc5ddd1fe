// Opens databases that only their owner may read. Makes the state file, and the files that SQLite
// keeps beside it, readable by their owner only.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "state/database.h"

namespace gateway {

// Creates the file if there is none; SQLite gives the files beside it the same mode. Returns what
// was changed, for the log (empty: nothing), or why the file cannot be used.
tl::expected<std::string, std::string> make_private(const std::string &path);

struct PrivateDatabase {
    Database database;
    std::string note;  // what make_private() has changed
};

// Creates the file if there is none. Killing processes loses no commit; a power failure may lose
// the last ones.
tl::expected<PrivateDatabase, StateProblem> open_private(const std::string &path);

}  // namespace gateway

// The tables of the state file, and how a file of an earlier gateway gets those that it does not
// have.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "state/database.h"

namespace gateway {

// A change of the tables. One that only adds keeps the version: gateways before it go on reading
// and writing the file, as they do during an upgrade and after going back. The version rises with a
// change that they could not live with; they refuse the file then.
struct Migration {
    int64_t version;  // of the file after it: PRAGMA user_version
    const char *sql;
};

std::span<const Migration> migrations();

// Makes the tables of a new file, or applies the migrations that the file does not have. All of
// them in one transaction, or none.
tl::expected<void, StateProblem> prepare_schema(Database &database,
                                                std::span<const Migration> all = migrations());

}  // namespace gateway

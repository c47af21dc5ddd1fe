// The tables of the state file, and the migrations of files that an earlier gateway made.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <tl/expected.hpp>

#include "state/database.h"

namespace gateway {

// A change of the tables. A migration that only adds keeps the version, so that earlier gateways
// can go on using the file, during an upgrade and after a downgrade. A change that earlier gateways
// cannot work with raises the version; they refuse the file then.
struct Migration {
    int64_t version;  // PRAGMA user_version after it
    const char *sql;
};

std::span<const Migration> migrations();

// Creates the tables of a new file, or applies the migrations that the file does not have yet, in
// one transaction.
tl::expected<void, StateProblem> prepare_schema(Database &database,
                                                std::span<const Migration> all = migrations());

}  // namespace gateway

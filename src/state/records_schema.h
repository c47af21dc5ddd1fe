// The tables of the file of records.
#pragma once

#include <tl/expected.hpp>

#include "state/database.h"

namespace gateway {

// Creates the tables of a new file, or checks that the gateway can work with an existing one.
tl::expected<void, StateProblem> prepare_records(Database &database);

}  // namespace gateway

// Whether the pages of a state file make sense. Reads the whole file, over a connection of its own,
// so that nobody who writes to it waits.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "state/database.h"

namespace gateway {

// Kind `damaged` if they do not. `is_over` says, from time to time, that nobody needs the result
// any more: then the check ends, and finds nothing.
tl::expected<void, StateProblem> check_file(const std::string &path,
                                            const std::function<bool()> &is_over = {});

}  // namespace gateway

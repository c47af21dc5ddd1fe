// Checks whether a state file is damaged. It reads the whole file over a connection of its own, so
// that writers do not wait.
#pragma once

#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "state/database.h"

namespace gateway {

// The problem has kind `damaged` if the file is. `is_over` is asked from time to time, on another
// thread, whether the result is not needed any more: then the check ends without a problem.
tl::expected<void, StateProblem> check_file(const std::string &path,
                                            const std::function<bool()> &is_over = {});

}  // namespace gateway

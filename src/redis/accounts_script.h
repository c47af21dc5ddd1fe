// The script that Redis runs for each step of a request that is counted there.
#pragma once

#include <string_view>

namespace gateway {

// In Lua. See accounts_script.cc for its arguments and replies.
std::string_view accounts_script();

}  // namespace gateway

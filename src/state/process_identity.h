// Identifies a process of this machine for good: its number may be given to another process later.
#pragma once

#include <string>

namespace gateway {

// Of the calling process.
std::string own_identity();

// Whether the process that has this identity is running.
bool is_running(const std::string &identity);

}  // namespace gateway

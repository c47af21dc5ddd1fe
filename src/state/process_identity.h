// Identifies a process of this machine for good: its number may be given to another process later.
#pragma once

#include <cstdint>
#include <string>

namespace gateway {

// Of the calling process.
std::string own_identity();

// The number of the process that has this identity; 0: the text is none.
int32_t number_of(const std::string &identity);

// Whether the process that has this identity is running.
bool is_running(const std::string &identity);

}  // namespace gateway

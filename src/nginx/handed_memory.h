// Shared memory that an nginx binary hands to the new binary that it starts: a file without a name,
// whose descriptor the new binary inherits.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace gateway {

// Descriptors of memory with this name that this process has inherited.
std::vector<int> inherited_memory(const std::string &name);
// The same with any name.
std::vector<int> inherited_memory();

// Makes new memory, all zero; -1 if the kernel does not have it. A new binary inherits the
// descriptor.
int make_memory(const std::string &name, size_t size);

// Maps the whole file while `look` runs. False if it cannot be mapped, or if `look` returns false.
bool look_at_memory(int descriptor, const std::function<bool(std::span<std::byte>)> &look);

// Maps the file in the place of the memory that is there now. False if its size differs.
bool map_memory(int descriptor, std::span<std::byte> place);

}  // namespace gateway

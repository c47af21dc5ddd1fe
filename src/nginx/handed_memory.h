// Shared memory that a new nginx binary takes over from the old one that has started it: a file
// without a name, whose descriptor it inherits.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace gateway {

// Descriptors of the files with this name that this process was started with.
std::vector<int> inherited_memory(const std::string &name);
// Those of any name.
std::vector<int> inherited_memory();

// A new one, all zero; -1 where the kernel has none. It stays open in a new binary.
int make_memory(const std::string &name, size_t size);

// Maps the whole file for as long as `look` runs; false when it cannot be mapped or `look` says so.
bool look_at_memory(int descriptor, const std::function<bool(std::span<std::byte>)> &look);

// In the place of what is there now. False when the file is of another size.
bool map_memory(int descriptor, std::span<std::byte> place);

}  // namespace gateway

// Files that operators write, read whole.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace gateway {

// Says whether a file has changed since it was last looked at.
struct Fingerprint {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t size = -1;  // -1: there was no such file
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    bool operator==(const Fingerprint &) const = default;
};

Fingerprint fingerprint_of(const std::string &path);

// The contents, or one sentence about why not.
tl::expected<std::string, std::string> load_file(const std::string &path);

}  // namespace gateway

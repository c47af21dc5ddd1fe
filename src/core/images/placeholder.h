// The image of the sandbox provider. Large letters and its metadata say that it is a placeholder,
// not the output of a model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

struct Placeholder {
    int width = 1024;
    int height = 1024;
    std::string_view prompt = {};  // untrusted UTF-8, up to 32000 characters
    std::string_view model = {};
    int index = 0;  // its number among n
    bool transparent = false;
    uint64_t seed = 0;  // determines colours and pattern
    int coarse = 0;     // for a preview: the side of its squares in pixels
};

// Returns a PNG file; the same input gives the same bytes. Empty if the size is impossible or
// memory is short. Uses no shared data, so it may run on a pool thread.
std::string draw_placeholder(const Placeholder &placeholder);

}  // namespace gateway

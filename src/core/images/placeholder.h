// The picture a sandbox key gets: drawn here instead of bought, and it says so in large letters, in
// its metadata too, so that nobody takes it for a model's work.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

struct Placeholder {
    int width = 1024;
    int height = 1024;
    std::string_view prompt = {};  // UTF-8, maybe 32000 characters, maybe hostile
    std::string_view model = {};
    int index = 0;  // which of n
    bool transparent = false;
    uint64_t seed = 0;  // decides colours and pattern
    int coarse = 0;     // of a preview: in squares of so many pixels
};

// The PNG's bytes, the same for the same input; empty if the size is impossible or memory is short.
// Touches nothing shared: made for a pool thread.
std::string draw_placeholder(const Placeholder &placeholder);

}  // namespace gateway

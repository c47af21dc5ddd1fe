// Reads the colour space of an untrusted PNG: what the numbers of its pixels mean. Two images may
// be combined only if theirs is the same. Does not check checksums; whoever reads the pixels does.
#pragma once

#include <string>
#include <vector>

#include "core/images/byte_ports.h"
#include "core/images/png_rows.h"

namespace gateway {

struct PngColours {
    struct Chunk {
        std::string name;
        std::string bytes;
    };
    // cICP, iCCP, sRGB, gAMA and cHRM, as they are in the file.
    std::vector<Chunk> chunks;
    // Equal if the colour space is. A PNG that says nothing is sRGB, and so is one that says the
    // same in other words: by cICP, or by gAMA and cHRM. A profile is known by its hash, not by its
    // name.
    std::string space;
    bool has_profile_of_other_model = false;  // an ICC profile that is not for RGB
};

// Returns false if that fails, and says why.
bool read_png_colours(ByteSource &source, PngColours &colours, PngFailure &failure);

}  // namespace gateway

// Finds out which kinds of characters a text has. Runs over every byte of every image, so it
// processes many bytes at a time.
#pragma once

#include <cstdint>
#include <string_view>

namespace gateway {

struct CharacterKinds {
    bool unusual = false;    // has a control character or a byte that is not ASCII
    bool backslash = false;  // "\"
    bool padding = false;    // "="
    bool other = false;      // any other character outside the alphabet of base64
};

CharacterKinds kinds_of(std::string_view text);

// The version for machines without AVX2. Exported so that a test can compare both.
CharacterKinds kinds_without_avx2(std::string_view text);

}  // namespace gateway

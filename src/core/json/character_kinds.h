// Which kinds of characters a text has: looked at once for every byte of every image, so many at a
// time.
#pragma once

#include <cstdint>
#include <string_view>

namespace gateway {

struct CharacterKinds {
    bool unusual = false;    // a control character, or not ASCII
    bool backslash = false;  // "\"
    bool padding = false;    // "="
    bool other = false;      // any that base64 does not have, but for these
};

CharacterKinds kinds_of(std::string_view text);

// The plain way, for machines without AVX2; and for a test to compare both.
CharacterKinds kinds_without_avx2(std::string_view text);

}  // namespace gateway

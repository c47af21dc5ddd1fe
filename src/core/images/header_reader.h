// What the readers of the formats have in common. Each reader looks at the headers of a file's
// parts in order and says how many bytes lie between them, so that nobody has to read those.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/images/image_facts.h"

namespace gateway {

// Where a reader wants to look next.
struct NextRead {
    uint64_t advance = 0;  // from the beginning of the bytes that it has just looked at
    size_t need = 0;       // bytes in one piece, at most kMaxNeeded; 0: no more
};

inline constexpr size_t kMaxNeeded = 64;

// After so many segments, chunks, blocks or boxes nothing more is read, and what lies behind stays
// unknown: a hostile file of tiny parts would cost too much.
inline constexpr uint32_t kMaxPartsOfImage = 4096;

struct HeaderFacts {
    ImageFacts facts;
    uint64_t header_end = 0;  // a file that ends before it has no valid header
    // AVIF and HEIC have no mark at their end.
    bool has_media = false;      // a box with the coded image has begun
    bool is_open_ended = false;  // the last box ends where the file ends
};

}  // namespace gateway

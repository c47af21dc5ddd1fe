// Puts what a model returned for an edit with a mask together with the original, because models
// change pixels outside the mask, too: mask_mode "exact". To be run on the task pool. Holds one
// byte for each pixel and a few rows, and of each interlaced image all pixels.
//     ExactResult result = apply_exact_mask({original, mask, returned}, rules, sink, &stop);
//     // applied: the sink has a PNG. Otherwise the returned image is the result, what the sink got
//     // is useless, and `reason` says why.
//
// Where the mask keeps a pixel, the output has the original's, exactly. Where the mask edits and no
// kept pixel is near, it has the returned one. Within `feather` pixels inside of the mask's edge,
// it is a mixture of both; a soft mask mixes where it is soft. If the mask is too narrow for that
// anywhere, the feather becomes half as wide as the mask is deep: the result says how wide it was.
//
// The output is a PNG of 8 bits per channel: RGB, or RGBA if one of the two has alpha. It has
// the returned image's colour chunks, and nothing else of its metadata. An original of 16 bits is
// refused, since the output could not have its pixels; a returned image of 16 bits is rounded.
// The mask must fit the original's stored pixels; an original that is shown turned (EXIF) is the
// caller's to refuse.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/images/byte_ports.h"
#include "core/images/feather.h"
#include "core/images/png_rows.h"

namespace gateway {

struct ExactInput {
    ByteSource &original;
    ByteSource &mask;  // as callers send it: transparent = edit
    ByteSource &returned;
};

struct ExactRules {
    int feather = 8;        // 0 to kMaxFeather
    int tolerance = 0;      // a channel that differs by this much counts as unchanged
    bool luminance = true;  // a mask without alpha is read as white = edit, or not applied
    PngLimits limits = {.max_pixels = uint64_t{16} << 20};
};

enum class ExactOutcome : uint8_t {
    applied,
    wrong_format,  // the original or the returned image is not a PNG, or has 16 bits
    wrong_size,    // the sizes of the three differ
    too_large,
    colours_differ,
    no_alpha,  // of the mask
    broken,    // one of the three is a broken PNG, or the mask is no PNG
    // The gateway failed:
    source_failed,
    sink_failed,
    out_of_memory,
    aborted,
};

struct ExactResult {
    ExactOutcome outcome = ExactOutcome::broken;
    uint32_t width = 0;
    uint32_t height = 0;
    // Of the pixels that the mask keeps, the share that the returned image has changed: in which
    // a channel differs by more than the tolerance. Two pixels without any opacity are equal. 0 if
    // the mask keeps none.
    double outside_changed = 0;
    double outside_share = 0;  // the share of pixels that the mask keeps
    int feather = 0;           // as it was applied
    std::string reason = {};   // why it was not applied; plain ASCII
};

ExactResult apply_exact_mask(const ExactInput &input, const ExactRules &rules, ByteSink &sink,
                             const std::atomic<bool> *stop = nullptr);

}  // namespace gateway

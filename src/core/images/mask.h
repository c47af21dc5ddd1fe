// Converts a caller's mask (OpenAI's kind: a PNG whose transparent pixels are to be edited) to the
// kind that a model takes. To be run on the task pool; holds a few rows, unless the mask is turned
// or interlaced: then one byte for each pixel.
//     MaskResult result = convert_mask(source, target, sink, &stop);
//     // written: the sink has the PNG to send. unchanged: the sink has nothing; the caller's own
//     // bytes are to be sent. Otherwise what the sink got is useless.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/images/byte_ports.h"
#include "core/images/png_rows.h"

namespace gateway {

enum class MaskKind : uint8_t {
    alpha,         // transparent = edit
    white,         // a grey PNG without alpha: white = edit
    black,         // a grey PNG without alpha: black = edit
    opaque_alpha,  // opaque = edit
};

enum class MaskLevels : uint8_t {
    grey,  // strengths between "keep" and "edit" stay
    two,   // from 128 on, a strength becomes 255; below, 0
};

struct MaskTarget {
    MaskKind kind = MaskKind::white;
    MaskLevels levels = MaskLevels::grey;
    // The stored pixels of the picture that is sent, before any EXIF orientation.
    uint32_t width = 0;
    uint32_t height = 0;
    // The picture's EXIF orientation, 1 to 8. The caller drew the mask on the picture as it is
    // shown, so the mask is turned back to fit the stored pixels. A mask that fits only the stored
    // pixels is not turned.
    int orientation = 1;
    // Whether a mask without alpha is read as white = edit, or refused.
    bool luminance = true;
    PngLimits limits = {};
    uint64_t max_turned_pixels = uint64_t{16} << 20;  // a turned mask is held in memory
};

enum class MaskOutcome : uint8_t {
    written,
    unchanged,  // the mask is what the target wants
    // The mask is wrong, and its sender can change that:
    no_alpha,
    wrong_size,
    too_large,
    not_png,
    broken,
    // The gateway failed:
    source_failed,
    sink_failed,
    out_of_memory,
    aborted,
};

struct MaskResult {
    MaskOutcome outcome = MaskOutcome::broken;
    uint32_t width = 0;  // of the mask as it came; 0 if its header could not be read
    uint32_t height = 0;
    // How much of the picture may change, 0 to 1; a soft pixel counts in part. 0: all is opaque, so
    // nothing changes. 1: all is transparent. After the levels were applied. Only for written and
    // unchanged.
    double edit_share = 0;
    bool was_soft = false;   // the mask as it came had strengths other than "keep" and "edit"
    bool had_alpha = false;  // if not, its luminance was read
    bool turned = false;
    std::string reason = {};  // why it was not converted; plain ASCII
};

MaskResult convert_mask(ByteSource &source, const MaskTarget &target, ByteSink &sink,
                        const std::atomic<bool> *stop = nullptr);

// The place that a stored pixel has in the picture as it is shown. `width` and `height` are the
// stored ones.
struct PixelPlace {
    uint32_t x = 0;
    uint32_t y = 0;
};
PixelPlace shown_place(int orientation, uint32_t width, uint32_t height, PixelPlace stored);

}  // namespace gateway

// Reads a mask as callers send it (OpenAI's kind: transparent = edit) row by row, as strength: 0
// keeps a pixel, 255 edits it. A mask without alpha is read by its luminance: white = edit.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "core/images/png_rows.h"

namespace gateway {

class MaskRows {
 public:
    MaskRows(ByteSource &source, const PngLimits &limits, const std::atomic<bool> *stop)
        : rows_(source, limits, stop) {}

    bool open() { return rows_.open(); }
    [[nodiscard]] const PngHeader &header() const { return rows_.header(); }
    bool begin();

    // The next row, valid until the next call. Empty after the last one, or after a failure.
    std::span<const uint8_t> next();

    // Whether a row so far has a strength other than 0 and 255.
    [[nodiscard]] bool is_soft() const { return soft_; }

    [[nodiscard]] const PngFailure &failure() const { return rows_.failure(); }

 private:
    PngRows rows_;
    std::unique_ptr<uint8_t[]> strength_;
    bool soft_ = false;
};

}  // namespace gateway

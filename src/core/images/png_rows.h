// Reads an untrusted PNG row by row with libpng, as 8 bits per channel. Any colour type and bit
// depth, palettes, tRNS and Adam7. libpng's longjmp does not leave png_rows.cc. Use, on the task
// pool:
//     PngRows rows(source, limits, &stop);
//     if (rows.open()) {                  // rows.header() is known now
//         rows.begin(RowForm::rgba);
//         for (…; header.height times; …) { auto row = rows.next(); if (row.empty()) break; … }
//     }                                   // rows.failure() says what went wrong
// The constructor and begin() allocate, and may throw std::bad_alloc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/images/byte_ports.h"

namespace gateway {

struct PngLimits {
    uint32_t max_side = 65'500;
    uint64_t max_pixels = uint64_t{64} << 20;
    // An interlaced image is held in memory as a whole, in the form of the rows.
    uint64_t max_interlaced_pixels = uint64_t{16} << 20;
};

struct PngHeader {
    uint32_t width = 0;
    uint32_t height = 0;
    int bit_depth = 0;
    bool alpha_channel = false;  // colour type 4 or 6
    bool has_alpha = false;      // an alpha channel, or tRNS
    bool interlaced = false;

    [[nodiscard]] uint64_t pixels() const { return uint64_t{width} * height; }
};

// What a pixel of a row is: red, green, blue, alpha; or one byte.
enum class RowForm : uint8_t { rgba, alpha, luma };

enum class PngProblem : uint8_t {
    none,
    not_png,
    broken,         // truncated, a wrong checksum, an invalid chunk
    too_large,      // beyond the limits
    source_failed,  // the source could not be read
    out_of_memory,
    aborted,
};

struct PngFailure {
    PngProblem problem = PngProblem::none;
    std::string reason = {};  // plain ASCII
};

class PngRows {
 public:
    // `stop` is optional. It is checked at each row and each read of the source.
    PngRows(ByteSource &source, const PngLimits &limits, const std::atomic<bool> *stop = nullptr);
    ~PngRows();
    PngRows(const PngRows &) = delete;
    PngRows &operator=(const PngRows &) = delete;

    // Reads up to the first pixel. Returns false if that failed.
    bool open();
    [[nodiscard]] const PngHeader &header() const { return header_; }

    // Must be called once, after a successful open(). Returns false if that failed.
    bool begin(RowForm form);

    // The next row, valid until the next call. Empty after the last row, or after a failure. The
    // last row is returned only if the rest of the file, up to IEND, is right.
    std::span<const uint8_t> next();

    [[nodiscard]] const PngFailure &failure() const { return failure_; }

 private:
    struct Decoder;

    bool fail(PngProblem problem, std::string reason);
    bool fail_by_decoder();
    bool check_size();
    bool decode_row(bool last);
    bool decode_interlaced();
    [[nodiscard]] size_t pixel_bytes() const { return form_ == RowForm::rgba ? 4 : 1; }

    PngLimits limits_;
    std::unique_ptr<Decoder> decoder_;
    PngHeader header_;
    PngFailure failure_;
    RowForm form_ = RowForm::rgba;
    uint32_t next_row_ = 0;
    std::unique_ptr<uint8_t[]> rgba_;   // the row that libpng decoded
    std::unique_ptr<uint8_t[]> bytes_;  // in other forms: the row; of an interlaced PNG: all rows
};

}  // namespace gateway

// Writes a PNG of 8 bits per channel row by row into a sink, with libpng. libpng's longjmp does not
// leave png_row_writer.cc. What a sink got before a failure is useless.
//     PngRowWriter writer(sink, {.width = …, .height = …, .colours = RowColours::grey});
//     writer.begin() && writer.write(row) && … && writer.end()
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "core/images/byte_ports.h"

namespace gateway {

enum class RowColours : uint8_t { grey, rgb, rgba };

// Speed over size for masks: few colours and long runs compress well in any way.
enum class PngEffort : uint8_t { mask, image };

// A chunk that is written between IHDR and the pixels, as it is.
struct PngChunk {
    std::string_view name;  // four letters
    std::string_view bytes;
};

struct PngRowFormat {
    uint32_t width = 0;
    uint32_t height = 0;
    RowColours colours = RowColours::grey;
    PngEffort effort = PngEffort::mask;
    std::span<const PngChunk> chunks = {};
};

class PngRowWriter {
 public:
    PngRowWriter(ByteSink &sink, const PngRowFormat &format);
    ~PngRowWriter();
    PngRowWriter(const PngRowWriter &) = delete;
    PngRowWriter &operator=(const PngRowWriter &) = delete;

    // Each returns false after a failure. The row has as many bytes as the format says.
    bool begin();
    bool write(std::span<const uint8_t> row);
    bool end();

    // Whether the sink refused bytes; if false, memory was short.
    [[nodiscard]] bool has_sink_failed() const;

 private:
    struct Encoder;

    PngRowFormat format_;
    std::unique_ptr<Encoder> encoder_;
};

}  // namespace gateway

#include "core/images/png_row_writer.h"

#include <png.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>

namespace gateway {

// Gathers libpng's many small writes. It is called from libpng's frames, so nothing here throws.
class PngOutput {
 public:
    explicit PngOutput(ByteSink &sink) : sink_(sink) {}

    bool write(const uint8_t *bytes, size_t size) noexcept {
        while (size != 0) {
            if (used_ == buffer_.size() && !flush()) {
                return false;
            }
            const size_t part = std::min(size, buffer_.size() - used_);
            std::memcpy(buffer_.data() + used_, bytes, part);
            used_ += part;
            bytes += part;
            size -= part;
        }
        return true;
    }

    bool flush() noexcept {
        try {
            failed_ = failed_ || !sink_.write({buffer_.data(), used_});
        } catch (...) {
            failed_ = true;
        }
        used_ = 0;
        return !failed_;
    }

    [[nodiscard]] bool has_failed() const { return failed_; }

 private:
    ByteSink &sink_;
    bool failed_ = false;
    size_t used_ = 0;
    std::array<uint8_t, 32768> buffer_;  // not initialised
};

namespace {

void write_output(png_structp png, png_bytep bytes, size_t size) {
    if (!static_cast<PngOutput *>(png_get_io_ptr(png))->write(bytes, size)) {
        png_error(png, "the sink refuses");
    }
}
void flush_later(png_structp) {}

[[noreturn]] void stop_writing(png_structp png, png_const_charp) {
    png_longjmp(png, 1);
}
void pass_over_warning(png_structp, png_const_charp) {}

// libpng's functions jump back into these three. So neither they nor the callbacks above have
// destructors to run.
bool write_front(png_structp png, png_infop info, PngOutput *output, const PngRowFormat *format) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    int colour_type = PNG_COLOR_TYPE_GRAY;
    if (format->colours != RowColours::grey) {
        colour_type = format->colours == RowColours::rgb ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_RGBA;
    }
    png_set_write_fn(png, output, write_output, flush_later);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
    png_set_compression_buffer_size(png, 32768);
    if (format->effort == PngEffort::mask) {
        png_set_compression_level(png, 1);
        png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    } else {
        png_set_compression_level(png, 2);
        png_set_filter(png, PNG_FILTER_TYPE_BASE,
                       PNG_FILTER_SUB | PNG_FILTER_UP | PNG_FILTER_PAETH);
    }
    png_set_IHDR(png, info, format->width, format->height, 8, colour_type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (size_t i = 0; i < format->chunks.size(); ++i) {
        const PngChunk *chunk = &format->chunks[i];
        png_write_chunk(png, reinterpret_cast<png_const_bytep>(chunk->name.data()),
                        reinterpret_cast<png_const_bytep>(chunk->bytes.data()),
                        chunk->bytes.size());
    }
    return true;
}

bool write_one_row(png_structp png, const uint8_t *row) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_write_row(png, row);
    return true;
}

bool write_rest(png_structp png, png_infop info) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_write_end(png, info);
    return true;
}

}  // namespace

struct PngRowWriter::Encoder {
    explicit Encoder(ByteSink &sink) : output(sink) {}
    Encoder(const Encoder &) = delete;
    Encoder &operator=(const Encoder &) = delete;
    ~Encoder() { png_destroy_write_struct(&png, &info); }

    PngOutput output;
    png_structp png = nullptr;
    png_infop info = nullptr;
    bool failed = false;
};

PngRowWriter::PngRowWriter(ByteSink &sink, const PngRowFormat &format)
    : format_(format), encoder_(std::make_unique<Encoder>(sink)) {}

PngRowWriter::~PngRowWriter() = default;

bool PngRowWriter::begin() {
    Encoder &encoder = *encoder_;
    encoder.png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, stop_writing, pass_over_warning);
    encoder.info = encoder.png == nullptr ? nullptr : png_create_info_struct(encoder.png);
    encoder.failed = encoder.info == nullptr ||
                     !write_front(encoder.png, encoder.info, &encoder.output, &format_);
    return !encoder.failed;
}

bool PngRowWriter::write(std::span<const uint8_t> row) {
    Encoder &encoder = *encoder_;
    encoder.failed = encoder.failed || !write_one_row(encoder.png, row.data());
    return !encoder.failed;
}

bool PngRowWriter::end() {
    Encoder &encoder = *encoder_;
    encoder.failed =
        encoder.failed || !write_rest(encoder.png, encoder.info) || !encoder.output.flush();
    return !encoder.failed;
}

bool PngRowWriter::has_sink_failed() const {
    return encoder_->output.has_failed();
}

}  // namespace gateway

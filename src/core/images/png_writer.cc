#include "core/images/png_writer.h"

#include <png.h>

#include <array>
#include <csetjmp>
#include <cstddef>

namespace gateway {
namespace {

// The palette in libpng's form.
struct Entries {
    std::array<png_color, PNG_MAX_PALETTE_LENGTH> colours{};
    std::array<png_byte, PNG_MAX_PALETTE_LENGTH> alpha{};
    int count = 0;
    bool transparent = false;
};

Entries make_entries(std::span<const Colour> palette) {
    Entries entries;
    for (const Colour &colour : palette) {
        auto entry = static_cast<size_t>(entries.count++);
        entries.colours[entry] = {colour.red, colour.green, colour.blue};
        entries.alpha[entry] = colour.alpha;
        entries.transparent = entries.transparent || colour.alpha != 255;
    }
    return entries;
}

// libpng leaves its functions by longjmp. No exception may pass through its frames, and no jump may
// start inside a handler. So an exception of append() is caught first, and the jump follows.
void write_bytes(png_structp png, png_bytep data, size_t size) {
    bool written = true;
    try {
        auto *bytes = static_cast<std::string *>(png_get_io_ptr(png));
        bytes->append(reinterpret_cast<char *>(data), size);
    } catch (...) {
        written = false;
    }
    if (!written) {
        png_error(png, "out of memory");
    }
}

void flush_nothing(png_structp) {}

// Replace libpng's own functions, which print to stderr.
[[noreturn]] void jump_back(png_structp png, png_const_charp) {
    png_longjmp(png, 1);
}
void say_nothing(png_structp, png_const_charp) {}

// libpng's interface requires writable texts, but it only copies them.
void write_labels(png_structp png, png_infop info, const std::span<const PngLabel> &labels) {
    for (const PngLabel &label : labels) {
        png_text entry = {};
        entry.compression = PNG_TEXT_COMPRESSION_NONE;
        entry.key = const_cast<char *>(label.keyword);
        entry.text = const_cast<char *>(label.text);
        png_set_text(png, info, &entry, 1);
    }
}

// Any call below may jump back to here, so neither this function nor the calls have destructors to
// run.
bool write_image(png_structp png, png_infop info, const Canvas &canvas, const Entries &palette,
                 const std::span<const PngLabel> &labels) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    // For flat colours and repeating rows, the lowest level compresses nearly as well and is many
    // times faster.
    png_set_compression_level(png, 1);
    png_set_compression_buffer_size(png, 65536);
    png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
    png_set_IHDR(png, info, static_cast<png_uint_32>(canvas.width()),
                 static_cast<png_uint_32>(canvas.height()), 8, PNG_COLOR_TYPE_PALETTE,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_PLTE(png, info, palette.colours.data(), palette.count);
    if (palette.transparent) {
        png_set_tRNS(png, info, palette.alpha.data(), palette.count, nullptr);
    }
    write_labels(png, info, labels);
    png_write_info(png, info);
    for (int y = 0; y < canvas.height(); ++y) {
        png_write_row(png, canvas.row(y));
    }
    png_write_end(png, info);
    return true;
}

}  // namespace

std::string encode_png(const Canvas &canvas, std::span<const Colour> palette,
                       std::span<const PngLabel> labels) {
    std::string bytes;
    if (palette.size() > PNG_MAX_PALETTE_LENGTH) {
        return bytes;
    }
    Entries entries = make_entries(palette);
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, jump_back, say_nothing);
    if (png == nullptr) {
        return bytes;
    }
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &bytes, write_bytes, flush_nothing);
    if (info == nullptr || !write_image(png, info, canvas, entries, labels)) {
        bytes.clear();
    }
    png_destroy_write_struct(&png, &info);
    return bytes;
}

}  // namespace gateway

#include "core/images/png_rows.h"

#include <png.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "core/images/image_header.h"
#include "core/images/sniff.h"

namespace gateway {
namespace {

constexpr size_t kChunkMemory = size_t{1} << 20;
constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// For its last row, libpng also decompresses whatever follows in the stream, and throws it away.
// Without a limit of its own, a small file would keep a thread busy for minutes.
constexpr uint64_t kAfterLastRow = 65536;

}  // namespace

// What libpng reads from. It is called from libpng's frames, so nothing here throws.
class PngInput {
 public:
    PngInput(ByteSource &source, const std::atomic<bool> *stop) : source_(source), stop_(stop) {}

    // Returns what went wrong, or null.
    const char *read(uint8_t *into, size_t size) noexcept {
        if (size > allowed_) {
            return fail(PngProblem::broken, "there is more image data than its size allows");
        }
        allowed_ -= allowed_ == kUnlimited ? 0 : size;
        while (size != 0) {
            if (from_ == to_) {
                if (const char *wrong = refill()) {
                    return wrong;
                }
            }
            const size_t part = std::min(size, to_ - from_);
            std::memcpy(into, buffer_.data() + from_, part);
            from_ += part;
            into += part;
            size -= part;
        }
        return nullptr;
    }

    // The front of the file, before anything was read.
    std::string_view peek(size_t size) noexcept {
        if (from_ == to_ && refill() != nullptr) {
            return {};
        }
        return {reinterpret_cast<const char *>(buffer_.data()) + from_,
                std::min(size, to_ - from_)};
    }

    void allow(uint64_t bytes) { allowed_ = bytes; }

    [[nodiscard]] bool is_stopped() const {
        return stop_ != nullptr && stop_->load(std::memory_order_relaxed);
    }

    // The first problem is the cause.
    const char *fail(PngProblem problem, const char *reason) noexcept {
        if (problem_ == PngProblem::none) {
            problem_ = problem;
            std::strncpy(reason_.data(), reason, reason_.size() - 1);
        }
        return reason_.data();
    }
    [[nodiscard]] PngProblem problem() const { return problem_; }
    [[nodiscard]] const char *reason() const { return reason_.data(); }

 private:
    const char *refill() noexcept {
        if (is_stopped()) {
            return fail(PngProblem::aborted, "aborted");
        }
        std::optional<size_t> count;
        try {
            count = source_.read(offset_, buffer_);
        } catch (...) {
            count.reset();
        }
        if (!count || *count > buffer_.size()) {
            return fail(PngProblem::source_failed, "it cannot be read");
        }
        if (*count == 0) {
            return fail(PngProblem::broken, "it is truncated");
        }
        from_ = 0;
        to_ = *count;
        offset_ += *count;
        return nullptr;
    }

    ByteSource &source_;
    const std::atomic<bool> *stop_;
    uint64_t offset_ = 0;
    uint64_t allowed_ = kUnlimited;
    size_t from_ = 0;
    size_t to_ = 0;
    PngProblem problem_ = PngProblem::none;
    std::array<char, 96> reason_{};
    std::array<uint8_t, 32768> buffer_;  // not initialised
};

namespace {

void read_input(png_structp png, png_bytep into, size_t size) {
    auto *input = static_cast<PngInput *>(png_get_io_ptr(png));
    if (const char *wrong = input->read(into, size)) {
        png_error(png, wrong);
    }
}

// libpng's texts are constants; at most they name a chunk, whose letters it has checked.
[[noreturn]] void note_error(png_structp png, png_const_charp text) {
    auto *input = static_cast<PngInput *>(png_get_error_ptr(png));
    const bool memory = std::strcmp(text, "Out of memory") == 0;
    input->fail(memory ? PngProblem::out_of_memory : PngProblem::broken, text);
    png_longjmp(png, 1);
}
void ignore_warning(png_structp, png_const_charp) {}

// libpng's functions jump back into these five. So neither they nor what they call, down to the
// callbacks above, have destructors to run.
bool set_up_reading(png_structp png, PngInput *input, const PngLimits &limits) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_set_read_fn(png, input, read_input);
    png_set_user_limits(png, limits.max_side, limits.max_side);
    png_set_chunk_malloc_max(png, kChunkMemory);
    png_set_chunk_cache_max(png, 8);
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    // All ancillary chunks but tRNS are skipped, and never decompressed.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
    return true;
}

bool read_front(png_structp png, png_infop info) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_read_info(png, info);
    return true;
}

// libpng is not asked to undo the interlacing, so that the number of its rows is known.
bool begin_rows(png_structp png, png_infop info, size_t row_bytes) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_set_expand(png);
    png_set_scale_16(png);
    png_set_gray_to_rgb(png);
    png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != row_bytes) {
        png_error(png, "a row has an unexpected size");
    }
    return true;
}

bool read_row(png_structp png, uint8_t *into) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_read_row(png, into, nullptr);
    return true;
}

bool read_rest(png_structp png) {
    if (setjmp(png_jmpbuf(png)) != 0) {
        return false;
    }
    png_read_end(png, nullptr);
    return true;
}

// ITU-R BT.601, in 16 bits of fraction. White is 255 exactly.
uint8_t luma_of(const uint8_t *rgba) {
    return static_cast<uint8_t>((19595U * rgba[0] + 38470U * rgba[1] + 7471U * rgba[2] + 32768U) >>
                                16);
}

// Writes each pixel of a row in the form, `step` pixels apart.
void put_pixels(const uint8_t *rgba, size_t count, RowForm form, uint8_t *into, size_t step) {
    switch (form) {
        case RowForm::rgba:
            for (size_t i = 0; i < count; ++i) {
                std::memcpy(into + i * step * 4, rgba + i * 4, 4);
            }
            break;
        case RowForm::alpha:
            for (size_t i = 0; i < count; ++i) {
                into[i * step] = rgba[i * 4 + 3];
            }
            break;
        case RowForm::luma:
            for (size_t i = 0; i < count; ++i) {
                into[i * step] = luma_of(rgba + i * 4);
            }
            break;
    }
}

uint32_t last_pass_of(const PngHeader &header) {
    uint32_t last = 0;
    for (uint32_t pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; ++pass) {
        if (PNG_PASS_COLS(header.width, pass) != 0 && PNG_PASS_ROWS(header.height, pass) != 0) {
            last = pass;
        }
    }
    return last;
}

}  // namespace

struct PngRows::Decoder {
    Decoder(ByteSource &source, const std::atomic<bool> *stop) : input(source, stop) {}
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;
    ~Decoder() { png_destroy_read_struct(&png, &info, nullptr); }

    PngInput input;
    png_structp png = nullptr;
    png_infop info = nullptr;
};

PngRows::PngRows(ByteSource &source, const PngLimits &limits, const std::atomic<bool> *stop)
    : limits_(limits), decoder_(std::make_unique<Decoder>(source, stop)) {}

PngRows::~PngRows() = default;

bool PngRows::fail(PngProblem problem, std::string reason) {
    failure_ = {problem, std::move(reason)};
    return false;
}

bool PngRows::fail_by_decoder() {
    return fail(decoder_->input.problem(), decoder_->input.reason());
}

// Checked before libpng sees the file, so that the reason has the numbers.
bool PngRows::check_size() {
    const std::string_view front = decoder_->input.peek(kFrontOfImage);
    const PngProblem problem = decoder_->input.problem();
    if (problem == PngProblem::aborted || problem == PngProblem::source_failed) {
        return fail_by_decoder();
    }
    if (sniff(front) != ImageFormat::png) {
        return fail(PngProblem::not_png, "it is not a PNG");
    }
    const auto size = png_size(front);
    if (!size) {
        return fail(PngProblem::broken, "its header is truncated or invalid");
    }
    const auto width = static_cast<uint64_t>(size->width);
    const auto height = static_cast<uint64_t>(size->height);
    const bool interlaced = front.size() > 28 && front[28] != 0;
    if (std::max(width, height) > limits_.max_side || width * height > limits_.max_pixels ||
        (interlaced && width * height > limits_.max_interlaced_pixels)) {
        return fail(PngProblem::too_large, "it has " + std::to_string(width) + "x" +
                                               std::to_string(height) + " pixels" +
                                               (interlaced ? ", interlaced" : ""));
    }
    return true;
}

bool PngRows::open() {
    if (!check_size()) {
        return false;
    }
    Decoder &decoder = *decoder_;
    decoder.png =
        png_create_read_struct(PNG_LIBPNG_VER_STRING, &decoder.input, note_error, ignore_warning);
    decoder.info = decoder.png == nullptr ? nullptr : png_create_info_struct(decoder.png);
    if (decoder.info == nullptr) {
        return fail(PngProblem::out_of_memory, "out of memory");
    }
    if (!set_up_reading(decoder.png, &decoder.input, limits_) ||
        !read_front(decoder.png, decoder.info)) {
        return fail_by_decoder();
    }
    const int colour_type = png_get_color_type(decoder.png, decoder.info);
    header_.width = png_get_image_width(decoder.png, decoder.info);
    header_.height = png_get_image_height(decoder.png, decoder.info);
    header_.bit_depth = png_get_bit_depth(decoder.png, decoder.info);
    header_.alpha_channel = (colour_type & PNG_COLOR_MASK_ALPHA) != 0;
    header_.has_alpha =
        header_.alpha_channel || png_get_valid(decoder.png, decoder.info, PNG_INFO_tRNS) != 0;
    header_.interlaced = png_get_interlace_type(decoder.png, decoder.info) != PNG_INTERLACE_NONE;
    return true;
}

bool PngRows::begin(RowForm form) {
    form_ = form;
    const size_t row = size_t{header_.width} * 4;
    const size_t rows = header_.interlaced ? header_.height : 1;
    rgba_ = std::make_unique_for_overwrite<uint8_t[]>(row);
    if (header_.interlaced || form != RowForm::rgba) {
        bytes_ = std::make_unique_for_overwrite<uint8_t[]>(header_.width * rows * pixel_bytes());
    }
    return begin_rows(decoder_->png, decoder_->info, row) || fail_by_decoder();
}

// Decodes into rgba_.
bool PngRows::decode_row(bool last) {
    PngInput &input = decoder_->input;
    if (input.is_stopped()) {
        input.fail(PngProblem::aborted, "aborted");
        return fail_by_decoder();
    }
    if (last) {
        input.allow(uint64_t{header_.width} * 16 + kAfterLastRow);
    }
    if (!read_row(decoder_->png, rgba_.get())) {
        return fail_by_decoder();
    }
    input.allow(kUnlimited);
    return !last || read_rest(decoder_->png) || fail_by_decoder();
}

bool PngRows::decode_interlaced() {
    const uint32_t last_pass = last_pass_of(header_);
    for (uint32_t pass = 0; pass <= last_pass; ++pass) {
        const uint32_t columns = PNG_PASS_COLS(header_.width, pass);
        const uint32_t rows = columns == 0 ? 0 : PNG_PASS_ROWS(header_.height, pass);
        for (uint32_t row = 0; row < rows; ++row) {
            if (!decode_row(pass == last_pass && row + 1 == rows)) {
                return false;
            }
            const size_t at = size_t{PNG_ROW_FROM_PASS_ROW(row, pass)} * header_.width +
                              PNG_COL_FROM_PASS_COL(0, pass);
            put_pixels(rgba_.get(), columns, form_, bytes_.get() + at * pixel_bytes(),
                       size_t{1} << PNG_PASS_COL_SHIFT(pass));
        }
    }
    return true;
}

std::span<const uint8_t> PngRows::next() {
    if (failure_.problem != PngProblem::none || next_row_ == header_.height) {
        return {};
    }
    const uint32_t row = next_row_++;
    const size_t size = header_.width * pixel_bytes();
    if (header_.interlaced) {
        if (row == 0 && !decode_interlaced()) {
            return {};
        }
        return {bytes_.get() + row * size, size};
    }
    if (!decode_row(row + 1 == header_.height)) {
        return {};
    }
    if (form_ == RowForm::rgba) {
        return {rgba_.get(), size};
    }
    put_pixels(rgba_.get(), header_.width, form_, bytes_.get(), 1);
    return {bytes_.get(), size};
}

}  // namespace gateway

#include "core/images/mask.h"

#include <new>
#include <utility>
#include <vector>

#include "core/images/mask_rows.h"
#include "core/images/png_row_writer.h"

namespace gateway {
namespace {

MaskOutcome outcome_of(PngProblem problem) {
    switch (problem) {
        case PngProblem::not_png: return MaskOutcome::not_png;
        case PngProblem::too_large: return MaskOutcome::too_large;
        case PngProblem::source_failed: return MaskOutcome::source_failed;
        case PngProblem::out_of_memory: return MaskOutcome::out_of_memory;
        case PngProblem::aborted: return MaskOutcome::aborted;
        case PngProblem::none:
        case PngProblem::broken: break;
    }
    return MaskOutcome::broken;
}

bool swaps_sides(int orientation) {
    return orientation >= 5 && orientation <= 8;
}

std::string size_text(uint64_t width, uint64_t height) {
    return std::to_string(width) + "x" + std::to_string(height);
}

uint8_t two_levels(uint8_t strength) {
    return strength >= 128 ? 255 : 0;
}

// One conversion. Each step returns false when the result is decided.
class Conversion {
 public:
    Conversion(ByteSource &source, const MaskTarget &target, ByteSink &sink,
               const std::atomic<bool> *stop)
        : source_(source),
          target_(target),
          writer_(sink, {.width = target.width,
                         .height = target.height,
                         .colours = has_alpha(target.kind) ? RowColours::rgba : RowColours::grey}),
          stop_(stop) {}

    MaskResult run() {
        MaskRows rows(source_, target_.limits, stop_);
        if (!open(rows) || !check()) {
            return std::move(result_);
        }
        if (result_.turned) {
            convert_turned(rows);
        } else if (has_kind_of_target(rows.header())) {
            keep_or_convert(rows);
        } else {
            convert(rows);
        }
        return std::move(result_);
    }

 private:
    static bool has_alpha(MaskKind kind) {
        return kind == MaskKind::alpha || kind == MaskKind::opaque_alpha;
    }

    bool end(MaskOutcome outcome, std::string reason) {
        result_.outcome = outcome;
        result_.reason = std::move(reason);
        return false;
    }
    bool end(const PngFailure &failure) { return end(outcome_of(failure.problem), failure.reason); }

    bool open(MaskRows &rows) {
        if (!rows.open()) {
            return end(rows.failure());
        }
        result_.width = rows.header().width;
        result_.height = rows.header().height;
        result_.had_alpha = rows.header().has_alpha;
        return rows.begin() || end(rows.failure());
    }

    [[nodiscard]] bool fits(uint32_t width, uint32_t height) const {
        return result_.width == width && result_.height == height;
    }

    bool check() {
        if (!result_.had_alpha && !target_.luminance) {
            return end(MaskOutcome::no_alpha, "it has no alpha channel");
        }
        uint32_t width = target_.width;
        uint32_t height = target_.height;
        if (swaps_sides(target_.orientation)) {
            std::swap(width, height);
        }
        if (fits(width, height)) {
            result_.turned = target_.orientation > 1 && target_.orientation <= 8;
        } else if (!fits(target_.width, target_.height)) {
            return end(MaskOutcome::wrong_size,
                       "it has " + size_text(result_.width, result_.height) +
                           " pixels, the picture " + size_text(width, height));
        }
        if (result_.turned && pixels() > target_.max_turned_pixels) {
            return end(MaskOutcome::too_large,
                       "it has " + size_text(result_.width, result_.height) +
                           " pixels and must be turned, because the picture is");
        }
        return true;
    }

    // tRNS is not enough: not all who take an alpha channel take that.
    [[nodiscard]] bool has_kind_of_target(const PngHeader &header) const {
        return target_.kind == MaskKind::alpha && header.alpha_channel;
    }

    // The mask is read to its end first, because it may be broken, or soft and must not be.
    void keep_or_convert(MaskRows &rows) {
        for (auto row = rows.next(); !row.empty(); row = rows.next()) {
            count(row);
        }
        if (rows.failure().problem != PngProblem::none) {
            end(rows.failure());
        } else if (target_.levels == MaskLevels::grey || !rows.is_soft()) {
            finish(MaskOutcome::unchanged, rows);
        } else {
            sum_ = 0;
            MaskRows again(source_, target_.limits, stop_);
            if (open(again)) {
                convert(again);
            }
        }
    }

    void convert(MaskRows &rows) {
        prepare_output();
        bool written = writer_.begin();
        for (auto row = rows.next(); written && !row.empty(); row = rows.next()) {
            written = write(row);
        }
        end_output(written, rows);
    }

    void convert_turned(MaskRows &rows) {
        std::vector<uint8_t> shown;
        shown.reserve(pixels());
        for (auto row = rows.next(); !row.empty(); row = rows.next()) {
            shown.insert(shown.end(), row.begin(), row.end());
        }
        if (rows.failure().problem != PngProblem::none) {
            end(rows.failure());
            return;
        }
        prepare_output();
        std::vector<uint8_t> row(target_.width);
        bool written = writer_.begin();
        for (uint32_t y = 0; written && y < target_.height; ++y) {
            if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) {
                end(MaskOutcome::aborted, "aborted");
                return;
            }
            for (uint32_t x = 0; x < target_.width; ++x) {
                const PixelPlace place =
                    shown_place(target_.orientation, target_.width, target_.height, {x, y});
                row[x] = shown[size_t{place.y} * result_.width + place.x];
            }
            written = write(row);
        }
        end_output(written, rows);
    }

    void prepare_output() {
        output_.resize(size_t{target_.width} * (has_alpha(target_.kind) ? 4 : 1));
    }

    void end_output(bool written, const MaskRows &rows) {
        if (rows.failure().problem != PngProblem::none) {
            end(rows.failure());
        } else if (written && writer_.end()) {
            finish(MaskOutcome::written, rows);
        } else if (writer_.has_sink_failed()) {
            end(MaskOutcome::sink_failed, "the converted mask cannot be written");
        } else {
            end(MaskOutcome::out_of_memory, "out of memory");
        }
    }

    void finish(MaskOutcome outcome, const MaskRows &rows) {
        result_.outcome = outcome;
        result_.was_soft = rows.is_soft();
        result_.edit_share = static_cast<double>(sum_) / (255.0 * static_cast<double>(pixels()));
    }

    [[nodiscard]] uint64_t pixels() const { return uint64_t{result_.width} * result_.height; }

    [[nodiscard]] uint8_t with_levels(uint8_t strength) const {
        return target_.levels == MaskLevels::two ? two_levels(strength) : strength;
    }

    void count(std::span<const uint8_t> row) {
        uint64_t sum = 0;
        for (const uint8_t strength : row) {
            sum += with_levels(strength);
        }
        sum_ += sum;
    }

    bool write(std::span<const uint8_t> row) {
        count(row);
        for (size_t i = 0; i < row.size(); ++i) {
            put(i, with_levels(row[i]));
        }
        return writer_.write(output_);
    }

    // Some programs ignore the alpha of a mask and read its colours as white = edit. So the colours
    // of the kinds with alpha say that.
    void put(size_t i, uint8_t strength) {
        const auto kept = static_cast<uint8_t>(255 - strength);
        switch (target_.kind) {
            case MaskKind::white: output_[i] = strength; break;
            case MaskKind::black: output_[i] = kept; break;
            case MaskKind::alpha: put(i, strength, kept); break;
            case MaskKind::opaque_alpha: put(i, strength, strength); break;
        }
    }
    void put(size_t i, uint8_t colour, uint8_t alpha) {
        uint8_t *pixel = output_.data() + i * 4;
        pixel[0] = pixel[1] = pixel[2] = colour;
        pixel[3] = alpha;
    }

    ByteSource &source_;
    const MaskTarget &target_;
    PngRowWriter writer_;
    const std::atomic<bool> *stop_;
    MaskResult result_;
    uint64_t sum_ = 0;
    std::vector<uint8_t> output_;
};

}  // namespace

// EXIF 2.32, tag 274: which sides of the shown picture the first stored row and column are.
PixelPlace shown_place(int orientation, uint32_t width, uint32_t height, PixelPlace stored) {
    const uint32_t right = width - 1 - stored.x;
    const uint32_t lower = height - 1 - stored.y;
    switch (orientation) {
        case 2: return {right, stored.y};
        case 3: return {right, lower};
        case 4: return {stored.x, lower};
        case 5: return {stored.y, stored.x};
        case 6: return {lower, stored.x};
        case 7: return {lower, right};
        case 8: return {stored.y, right};
        default: return stored;
    }
}

MaskResult convert_mask(ByteSource &source, const MaskTarget &target, ByteSink &sink,
                        const std::atomic<bool> *stop) {
    try {
        return Conversion(source, target, sink, stop).run();
    } catch (const std::bad_alloc &) {
        MaskResult result;
        result.outcome = MaskOutcome::out_of_memory;
        result.reason.assign("out of memory");  // short enough to need none
        return result;
    }
}

}  // namespace gateway

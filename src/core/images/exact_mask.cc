#include "core/images/exact_mask.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "core/images/mask_rows.h"
#include "core/images/png_colours.h"
#include "core/images/png_row_writer.h"

namespace gateway {
namespace {

ExactOutcome exact_outcome_of(PngProblem problem) {
    switch (problem) {
        case PngProblem::not_png: return ExactOutcome::wrong_format;
        case PngProblem::too_large: return ExactOutcome::too_large;
        case PngProblem::source_failed: return ExactOutcome::source_failed;
        case PngProblem::out_of_memory: return ExactOutcome::out_of_memory;
        case PngProblem::aborted: return ExactOutcome::aborted;
        case PngProblem::none:
        case PngProblem::broken: break;
    }
    return ExactOutcome::broken;
}

// "it has …" becomes "the mask has …".
std::string about(const char *what, const std::string &reason) {
    if (reason.starts_with("it ")) {
        return std::string(what) + reason.substr(2);
    }
    return std::string(what) + ": " + reason;
}

std::string sides_text(const PngHeader &header) {
    return std::to_string(header.width) + "x" + std::to_string(header.height);
}

bool have_same_size(const PngHeader &a, const PngHeader &b) {
    return a.width == b.width && a.height == b.height;
}

// The pixels are RGBA of 8 bits, and colours are not multiplied by alpha.
bool differ(const uint8_t *a, const uint8_t *b, int tolerance) {
    if (std::memcmp(a, b, 4) == 0 || (a[3] == 0 && b[3] == 0)) {
        return false;
    }
    for (size_t i = 0; i < 4; ++i) {
        if (std::abs(a[i] - b[i]) > tolerance) {
            return true;
        }
    }
    return false;
}

// A mixture of two pixels. The colour of a transparent pixel counts as little as is seen of it.
void mix(const uint8_t *kept, const uint8_t *edited, unsigned strength, uint8_t *into) {
    const unsigned of_kept = kept[3] * (255 - strength);
    const unsigned of_edited = edited[3] * strength;
    const unsigned sum = of_kept + of_edited;
    for (size_t i = 0; i < 3; ++i) {
        into[i] =
            sum == 0
                ? edited[i]
                : static_cast<uint8_t>((kept[i] * of_kept + edited[i] * of_edited + sum / 2) / sum);
    }
    into[3] = static_cast<uint8_t>((sum + 127) / 255);
}

// One application. Each step returns false when the result is decided.
class ExactApplication {
 public:
    ExactApplication(const ExactInput &input, const ExactRules &rules, ByteSink &sink,
                     const std::atomic<bool> *stop)
        : input_(input),
          rules_(rules),
          sink_(sink),
          stop_(stop),
          original_(input.original, rules.limits, stop),
          returned_(input.returned, rules.limits, stop) {}

    ExactResult run() {
        if (open_pictures() && compare_colours() && read_strengths()) {
            write();
        }
        return std::move(result_);
    }

 private:
    bool end(ExactOutcome outcome, std::string reason) {
        result_.outcome = outcome;
        result_.reason = std::move(reason);
        return false;
    }
    bool end(const char *what, const PngFailure &failure) {
        return end(exact_outcome_of(failure.problem), about(what, failure.reason));
    }
    bool end_by_stop() { return end(ExactOutcome::aborted, "aborted"); }

    bool open_pictures() {
        if (!original_.open()) {
            return end(kOriginal, original_.failure());
        }
        result_.width = original_.header().width;
        result_.height = original_.header().height;
        if (original_.header().bit_depth == 16) {
            return end(ExactOutcome::wrong_format, "the original has 16 bits per channel");
        }
        if (!returned_.open()) {
            return end(kReturned, returned_.failure());
        }
        return has_size_of_original(kReturned, returned_.header());
    }

    bool has_size_of_original(const char *what, const PngHeader &header) {
        return have_same_size(header, original_.header()) ||
               end(ExactOutcome::wrong_size, std::string(what) + " has " + sides_text(header) +
                                                 " pixels, the original " +
                                                 sides_text(original_.header()));
    }

    bool compare_colours() {
        PngColours of_original;
        PngFailure failure;
        if (!read_png_colours(input_.original, of_original, failure)) {
            return end(kOriginal, failure);
        }
        if (!read_png_colours(input_.returned, colours_, failure)) {
            return end(kReturned, failure);
        }
        if (of_original.space != colours_.space) {
            return end(ExactOutcome::colours_differ, "the colour profiles differ");
        }
        // The output is RGB, whatever the pictures are.
        return !colours_.has_profile_of_other_model ||
               end(ExactOutcome::colours_differ, "the colour profile is not one for RGB");
    }

    bool read_strengths() {
        int feather_width = std::clamp(rules_.feather, 0, kMaxFeather);
        if (!read_mask() || !soften(feather_width)) {
            return false;
        }
        const uint8_t highest = max_strength();
        if (feather_width > 0 && highest < max_of_mask_) {
            const int step = (255 + feather_width) / (feather_width + 1);
            feather_width = highest / step / 2;
            if (!read_mask() || !soften(feather_width)) {
                return false;
            }
        }
        result_.feather = feather_width;
        return true;
    }

    bool read_mask() {
        MaskRows rows(input_.mask, rules_.limits, stop_);
        if (!rows.open()) {
            return rows.failure().problem == PngProblem::not_png
                       ? end(ExactOutcome::broken, "the mask is not a PNG")
                       : end(kMask, rows.failure());
        }
        if (!rows.header().has_alpha && !rules_.luminance) {
            return end(ExactOutcome::no_alpha, "the mask has no alpha channel");
        }
        if (!has_size_of_original(kMask, rows.header())) {
            return false;
        }
        if (!rows.begin()) {
            return end(kMask, rows.failure());
        }
        strengths_.resize(rows.header().pixels());
        auto at = strengths_.begin();
        for (auto row = rows.next(); !row.empty(); row = rows.next()) {
            at = std::copy(row.begin(), row.end(), at);
        }
        if (rows.failure().problem != PngProblem::none) {
            return end(kMask, rows.failure());
        }
        max_of_mask_ = max_strength();
        return true;
    }

    [[nodiscard]] uint8_t max_strength() const {
        return *std::max_element(strengths_.begin(), strengths_.end());
    }

    bool soften(int feather_width) {
        return feather(strengths_, result_.width, feather_width, stop_) || end_by_stop();
    }

    bool write() {
        if (!original_.begin(RowForm::rgba)) {
            return end(kOriginal, original_.failure());
        }
        if (!returned_.begin(RowForm::rgba)) {
            return end(kReturned, returned_.failure());
        }
        std::vector<PngChunk> chunks;
        for (const auto &chunk : colours_.chunks) {
            chunks.push_back({chunk.name, chunk.bytes});
        }
        const bool alpha = original_.header().has_alpha || returned_.header().has_alpha;
        PngRowWriter writer(sink_, {.width = result_.width,
                                    .height = result_.height,
                                    .colours = alpha ? RowColours::rgba : RowColours::rgb,
                                    .effort = PngEffort::image,
                                    .chunks = chunks});
        output_.resize(size_t{result_.width} * 4);
        bool written = writer.begin();
        for (uint32_t y = 0; written && y < result_.height; ++y) {
            if (!combine_row(y)) {
                return false;
            }
            if (!alpha) {
                drop_alpha();
            }
            written = writer.write(output_);
        }
        return finish(written && writer.end(), writer);
    }

    // The next row of the output, as RGBA.
    bool combine_row(uint32_t y) {
        const auto kept = original_.next();
        if (kept.empty()) {
            return end(kOriginal, original_.failure());
        }
        const auto edited = returned_.next();
        if (edited.empty()) {
            return end(kReturned, returned_.failure());
        }
        const uint8_t *strengths = strengths_.data() + size_t{y} * result_.width;
        for (size_t x = 0; x < result_.width; ++x) {
            combine(kept.data() + x * 4, edited.data() + x * 4, strengths[x],
                    output_.data() + x * 4);
        }
        return true;
    }

    void combine(const uint8_t *kept, const uint8_t *edited, uint8_t strength, uint8_t *into) {
        if (strength == 0) {
            ++outside_;
            changed_ += differ(kept, edited, rules_.tolerance) ? 1 : 0;
            std::memcpy(into, kept, 4);
        } else if (strength == 255) {
            std::memcpy(into, edited, 4);
        } else {
            mix(kept, edited, strength, into);
        }
    }

    void drop_alpha() {
        for (size_t x = 0; x < result_.width; ++x) {
            std::memmove(output_.data() + x * 3, output_.data() + x * 4, 3);
        }
    }

    bool finish(bool written, const PngRowWriter &writer) {
        if (!written) {
            return writer.has_sink_failed()
                       ? end(ExactOutcome::sink_failed, "the result cannot be written")
                       : end(ExactOutcome::out_of_memory, "out of memory");
        }
        const auto pixels = static_cast<double>(original_.header().pixels());
        result_.outcome = ExactOutcome::applied;
        result_.outside_share = static_cast<double>(outside_) / pixels;
        result_.outside_changed =
            outside_ == 0 ? 0 : static_cast<double>(changed_) / static_cast<double>(outside_);
        return true;
    }

    static constexpr const char *kOriginal = "the original";
    static constexpr const char *kReturned = "the returned image";
    static constexpr const char *kMask = "the mask";

    ExactInput input_;
    const ExactRules &rules_;
    ByteSink &sink_;
    const std::atomic<bool> *stop_;
    PngRows original_;
    PngRows returned_;
    PngColours colours_;              // of the returned image
    std::vector<uint8_t> strengths_;  // of all pixels
    std::vector<uint8_t> output_;     // a row
    uint8_t max_of_mask_ = 0;
    uint64_t outside_ = 0;
    uint64_t changed_ = 0;
    ExactResult result_;
};

}  // namespace

ExactResult apply_exact_mask(const ExactInput &input, const ExactRules &rules, ByteSink &sink,
                             const std::atomic<bool> *stop) {
    try {
        return ExactApplication(input, rules, sink, stop).run();
    } catch (const std::bad_alloc &) {
        ExactResult result;
        result.outcome = ExactOutcome::out_of_memory;
        result.reason.assign("out of memory");  // short enough to need none
        return result;
    }
}

}  // namespace gateway

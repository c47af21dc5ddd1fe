// The first bytes choose the target, and whether the rest is a PNG file, whose checksums are put
// right, or what a PNG is made of.
#include "core/images/mask.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "core/images/png_rows.h"
#include "fuzz.h"
#include "memory_bytes.h"
#include "png_input.h"

namespace gateway {
namespace {

constexpr PngLimits kLimits{.max_side = 300, .max_pixels = 20'000, .max_interlaced_pixels = 10'000};

struct Run {
    MaskResult result;
    std::string bytes;
};

Run convert(const std::string &file, MaskTarget target, MaskKind kind) {
    MemorySource source(file);
    MemorySink sink;
    target.kind = kind;
    Run run{convert_mask(source, target, sink, &source.abort), {}};
    run.bytes = std::move(sink.bytes);
    return run;
}

bool is_converted(const Run &run) {
    return run.result.outcome == MaskOutcome::written ||
           run.result.outcome == MaskOutcome::unchanged;
}

std::vector<uint8_t> pixels_of(const std::string &file, RowForm form) {
    MemorySource source(file);
    PngRows rows(source, PngLimits{});
    std::vector<uint8_t> pixels;
    promise(rows.open() && rows.begin(form), "what was written can be read");
    for (auto row = rows.next(); !row.empty(); row = rows.next()) {
        pixels.insert(pixels.end(), row.begin(), row.end());
    }
    promise(rows.failure().problem == PngProblem::none, "to its end");
    return pixels;
}

void promise_same(const MaskResult &a, const MaskResult &b) {
    promise(a.edit_share == b.edit_share && a.was_soft == b.was_soft && a.turned == b.turned &&
                a.had_alpha == b.had_alpha && a.width == b.width && a.height == b.height,
            "the kind of the target changes nothing else");
}

// Without libpng: these are the definitions.
void promise_polarity(const std::vector<uint8_t> &white, const Run &black, const Run &alpha,
                      const Run &opaque, const std::string &file) {
    const auto blacks = pixels_of(black.bytes, RowForm::luma);
    const bool unchanged = alpha.result.outcome == MaskOutcome::unchanged;
    const auto alphas = pixels_of(unchanged ? file : alpha.bytes, RowForm::alpha);
    const auto opaques = pixels_of(opaque.bytes, RowForm::alpha);
    promise(blacks.size() == white.size() && alphas.size() == white.size() &&
                opaques.size() == white.size(),
            "all have the size of the picture");
    for (size_t i = 0; i < white.size(); ++i) {
        promise(blacks[i] == 255 - white[i], "black is the inverse of white");
        promise(alphas[i] == 255 - white[i], "so is the alpha");
        promise(opaques[i] == white[i], "opaque is white");
    }
}

void promise_facts(const MaskResult &result, const MaskTarget &target,
                   const std::vector<uint8_t> &white) {
    uint64_t sum = 0;
    for (const uint8_t strength : white) {
        sum += strength;
        promise(target.levels == MaskLevels::grey || strength == 0 || strength == 255,
                "two levels are two");
    }
    const double share = static_cast<double>(sum) / 255.0 / static_cast<double>(white.size());
    promise(result.edit_share > share - 1e-9 && result.edit_share < share + 1e-9,
            "the share to edit is that of the pixels");
    promise(white.size() == size_t{target.width} * target.height, "all pixels are there");
}

void run(Input input) {
    const uint8_t choice = input.byte();
    MaskTarget target{.levels = (choice & 1) != 0 ? MaskLevels::two : MaskLevels::grey,
                      .orientation = choice >> 1 & 15,
                      .luminance = (choice & 32) == 0,
                      .limits = kLimits,
                      .max_turned_pixels = 5000};
    std::string file;
    if ((choice & 64) != 0) {
        const uint32_t width = 1 + input.byte() % 40U;
        file = made_png(input, width, 1 + input.byte() % 40U);
    } else {
        file = with_right_checksums(input.rest());
    }
    if (file.size() > 24) {
        target.width = number_at(file, 16);
        target.height = number_at(file, 20);
        if (target.orientation >= 5 && target.orientation <= 8 && (choice & 128) != 0) {
            std::swap(target.width, target.height);
        }
    }
    const Run white = convert(file, target, MaskKind::white);
    const Run black = convert(file, target, MaskKind::black);
    const Run alpha = convert(file, target, MaskKind::alpha);
    const Run opaque = convert(file, target, MaskKind::opaque_alpha);
    promise(black.result.outcome == white.result.outcome &&
                opaque.result.outcome == white.result.outcome &&
                is_converted(alpha) == is_converted(white),
            "all kinds can be written, or none");
    promise(is_converted(white) == white.result.reason.empty(), "a refusal has a reason");
    if (!is_converted(white)) {
        return;
    }
    promise_same(white.result, black.result);
    promise_same(white.result, alpha.result);
    promise_same(white.result, opaque.result);
    const auto pixels = pixels_of(white.bytes, RowForm::luma);
    promise_facts(white.result, target, pixels);
    promise_polarity(pixels, black, alpha, opaque, file);
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}

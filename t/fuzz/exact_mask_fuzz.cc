// The first bytes choose the rules and the kinds of three PNG files of the same size; what follows
// is in all three, from different places on.
#include "core/images/exact_mask.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/images/mask_rows.h"
#include "core/images/png_rows.h"
#include "fuzz.h"
#include "memory_bytes.h"
#include "png_input.h"

namespace gateway {
namespace {

std::vector<uint8_t> pixels_of(const std::string &file) {
    MemorySource source(file);
    PngRows rows(source, PngLimits{});
    std::vector<uint8_t> pixels;
    promise(rows.open() && rows.begin(RowForm::rgba), "it can be read");
    for (auto row = rows.next(); !row.empty(); row = rows.next()) {
        pixels.insert(pixels.end(), row.begin(), row.end());
    }
    promise(rows.failure().problem == PngProblem::none, "to its end");
    return pixels;
}

std::vector<uint8_t> strengths_of(const std::string &file) {
    MemorySource source(file);
    MaskRows rows(source, PngLimits{}, nullptr);
    std::vector<uint8_t> strengths;
    promise(rows.open() && rows.begin(), "the mask can be read");
    for (auto row = rows.next(); !row.empty(); row = rows.next()) {
        strengths.insert(strengths.end(), row.begin(), row.end());
    }
    return strengths;
}

void run(Input input) {
    const uint8_t choice = input.byte();
    const uint32_t width = 1 + input.byte() % 20U;
    const uint32_t height = 1 + input.byte() % 20U;
    const std::string original = made_png(input, width, height);
    const std::string mask = made_png(input, width, height + ((choice & 0xf0) == 0 ? 1 : 0));
    const std::string returned =
        (choice & 1) != 0 ? with_right_checksums(input.rest()) : made_png(input, width, height);
    const ExactRules rules{.feather = (choice & 2) != 0 ? choice >> 2 : 0,
                           .luminance = (choice & 8) != 0,
                           .limits = {.max_side = 300, .max_pixels = 20'000}};
    MemorySource original_bytes(original);
    MemorySource mask_bytes(mask);
    MemorySource returned_bytes(returned);
    MemorySink sink;
    const ExactResult result =
        apply_exact_mask({original_bytes, mask_bytes, returned_bytes}, rules, sink);
    const bool applied = result.outcome == ExactOutcome::applied;
    promise(applied == result.reason.empty(), "what is not applied has a reason");
    if (!applied) {
        return;
    }
    const auto kept = pixels_of(original);
    const auto edited = pixels_of(returned);
    const auto pixels = pixels_of(sink.bytes);
    const auto strengths = strengths_of(mask);
    promise(pixels.size() == kept.size() && pixels.size() == edited.size() &&
                pixels.size() == strengths.size() * 4,
            "all have the same size");
    promise(result.outside_changed >= 0 && result.outside_changed <= 1, "a share is a share");
    promise(result.feather <= rules.feather, "the feather is not wider than it may be");
    const auto outside = std::count(strengths.begin(), strengths.end(), 0);
    promise((result.outside_share == 0) == (outside == 0), "what the mask keeps is counted");
    for (size_t i = 0; i < strengths.size(); ++i) {
        const auto same = [&](const std::vector<uint8_t> &other) {
            return std::equal(&pixels[i * 4], &pixels[i * 4] + 4, &other[i * 4]);
        };
        promise(strengths[i] != 0 || same(kept), "outside, nothing changes");
        promise(strengths[i] != 255 || result.feather != 0 || same(edited), "inside, all does");
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}

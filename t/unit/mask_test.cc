// Converting masks: polarity, levels, orientation, and what is told about a mask.
#include "core/images/mask.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "failing_allocations.h"
#include "memory_bytes.h"
#include "png_files.h"

namespace gateway {
namespace {

struct Converted {
    MaskResult result;
    std::string bytes;
    std::optional<ReadPng> png;
};

Converted convert(MemorySource &source, const MaskTarget &target, MemorySink &sink) {
    Converted converted;
    converted.result = convert_mask(source, target, sink, &source.abort);
    converted.bytes = sink.bytes;
    if (converted.result.outcome == MaskOutcome::written) {
        converted.png = read_png(sink.bytes);
        EXPECT_TRUE(converted.png.has_value());
    } else if (converted.result.outcome == MaskOutcome::unchanged) {
        EXPECT_EQ(sink.bytes, "");
    } else {
        EXPECT_NE(converted.result.reason, "");
    }
    return converted;
}

Converted convert(const std::string &file, const MaskTarget &target) {
    MemorySource source(file);
    MemorySink sink;
    return convert(source, target, sink);
}

MaskTarget target_of(const PngSamples &mask, MaskKind kind, MaskLevels levels = MaskLevels::grey) {
    return {.kind = kind, .levels = levels, .width = mask.width, .height = mask.height};
}

// A mask whose alpha a function names.
PngSamples mask_image(uint32_t width, uint32_t height,
                      const std::function<uint8_t(uint32_t x, uint32_t y)> &alpha) {
    return rgba_image(width, height, [&](uint32_t x, uint32_t y) {
        return Rgba{9, 99, 199, alpha(x, y)};
    });
}

uint8_t strength_by_definition(const PngSamples &mask, uint32_t x, uint32_t y) {
    const Rgba p = pixel_of(mask, x, y);
    if (mask.has_alpha()) {
        return static_cast<uint8_t>(255 - p[3]);
    }
    return static_cast<uint8_t>(std::lround(0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]));
}

Rgba expected_pixel(MaskKind kind, MaskLevels levels, uint8_t strength) {
    if (levels == MaskLevels::two) {
        strength = strength < 128 ? 0 : 255;
    }
    const auto kept = static_cast<uint8_t>(255 - strength);
    switch (kind) {
        case MaskKind::white: return {strength, strength, strength, 255};
        case MaskKind::black: return {kept, kept, kept, 255};
        case MaskKind::alpha: return {strength, strength, strength, kept};
        default: return {strength, strength, strength, strength};
    }
}

constexpr MaskKind kKinds[] = {MaskKind::alpha, MaskKind::white, MaskKind::black,
                               MaskKind::opaque_alpha};

void expect_conversion(const PngSamples &mask, const std::string &file, MaskKind kind,
                       MaskLevels levels) {
    const Converted converted = convert(file, target_of(mask, kind, levels));
    ASSERT_EQ(converted.result.reason, "");
    EXPECT_EQ(converted.result.width, mask.width);
    EXPECT_EQ(converted.result.height, mask.height);
    EXPECT_EQ(converted.result.had_alpha, mask.has_alpha());
    EXPECT_FALSE(converted.result.turned);
    bool soft = false;
    double sum = 0;
    for (uint32_t y = 0; y < mask.height; ++y) {
        for (uint32_t x = 0; x < mask.width; ++x) {
            const uint8_t strength = strength_by_definition(mask, x, y);
            soft = soft || (strength != 0 && strength != 255);
            const Rgba expected = expected_pixel(kind, levels, strength);
            sum += kind == MaskKind::black ? 255 - expected[0] : expected[0];
            if (converted.png) {
                ASSERT_EQ(converted.png->at(x, y), expected) << x << "," << y;
            }
        }
    }
    EXPECT_EQ(converted.result.was_soft, soft);
    EXPECT_NEAR(converted.result.edit_share, sum / 255 / mask.width / mask.height, 1e-9);
    const bool alpha_channel = (mask.colour_type & PNG_COLOR_MASK_ALPHA) != 0;
    const bool keeps =
        kind == MaskKind::alpha && alpha_channel && (levels == MaskLevels::grey || !soft);
    EXPECT_EQ(converted.result.outcome, keeps ? MaskOutcome::unchanged : MaskOutcome::written);
    if (converted.png) {
        EXPECT_EQ(converted.png->bit_depth, 8);
        const bool grey = kind == MaskKind::white || kind == MaskKind::black;
        EXPECT_EQ(converted.png->colour_type, grey ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGBA);
    }
}

TEST(Mask, IsConvertedFromEveryKindOfPngToEveryKindOfMask) {
    std::mt19937 random(1);
    for (const PngKind &png : all_png_kinds()) {
        for (const uint32_t width : {1, 7, 24}) {
            PngSamples mask = random_image(random, width, 5, png.colour_type, png.bit_depth,
                                           png.interlaced, png.transparent);
            if (png.colour_type == PNG_COLOR_TYPE_RGB && !png.transparent) {
                for (size_t i = 0; i < mask.values.size(); ++i) {
                    mask.values[i] = mask.values[i / 3 * 3];  // so that rounding is not the topic
                }
            }
            if (png.colour_type == PNG_COLOR_TYPE_PALETTE && !png.transparent) {
                for (Rgba &colour : mask.palette) {
                    colour = {colour[0], colour[0], colour[0], 255};
                }
            }
            const std::string file = make_png(mask);
            for (const MaskKind kind : kKinds) {
                for (const MaskLevels levels : {MaskLevels::grey, MaskLevels::two}) {
                    SCOPED_TRACE("colour type " + std::to_string(png.colour_type) + ", depth " +
                                 std::to_string(png.bit_depth) + ", interlaced " +
                                 std::to_string(png.interlaced) + ", tRNS " +
                                 std::to_string(png.transparent) + ", width " +
                                 std::to_string(width) + ", kind " +
                                 std::to_string(static_cast<int>(kind)));
                    expect_conversion(mask, file, kind, levels);
                    if (HasFailure()) {
                        return;
                    }
                }
            }
        }
    }
}

TEST(Mask, HasTwoLevelsFromOneHundredTwentyEightOn) {
    const PngSamples mask =
        mask_image(256, 1, [](uint32_t x, uint32_t) { return static_cast<uint8_t>(x); });
    for (const MaskKind kind : kKinds) {
        expect_conversion(mask, make_png(mask), kind, MaskLevels::two);
    }
    const Converted converted =
        convert(make_png(mask), target_of(mask, MaskKind::white, MaskLevels::two));
    EXPECT_EQ(converted.png->at(127, 0)[0], 255);  // 255 - 127 = 128
    EXPECT_EQ(converted.png->at(128, 0)[0], 0);
    EXPECT_TRUE(converted.result.was_soft);
    EXPECT_EQ(converted.result.edit_share, 0.5);
}

TEST(Mask, TellsWhenAllIsOpaqueOrTransparent) {
    for (const MaskKind kind : kKinds) {
        const PngSamples opaque = mask_image(5, 5, [](uint32_t, uint32_t) { return 255; });
        EXPECT_EQ(convert(make_png(opaque), target_of(opaque, kind)).result.edit_share, 0);
        const PngSamples clear = mask_image(5, 5, [](uint32_t, uint32_t) { return 0; });
        EXPECT_EQ(convert(make_png(clear), target_of(clear, kind)).result.edit_share, 1);
        const PngSamples dot =
            mask_image(5, 5, [](uint32_t x, uint32_t y) { return x == 4 && y == 4 ? 0 : 255; });
        const MaskResult result = convert(make_png(dot), target_of(dot, kind)).result;
        EXPECT_EQ(result.edit_share, 0.04);
        EXPECT_FALSE(result.was_soft);
    }
}

TEST(Mask, WithoutAlphaIsReadByLuminanceOrRefused) {
    PngSamples mask = rgba_image(2, 1, [](uint32_t x, uint32_t) {
        return x == 0 ? Rgba{255, 255, 255, 255} : Rgba{0, 0, 0, 255};
    });
    mask.colour_type = PNG_COLOR_TYPE_RGB;
    mask.values = {255, 255, 255, 0, 0, 0};
    MaskTarget target = target_of(mask, MaskKind::alpha);
    const Converted converted = convert(make_png(mask), target);
    EXPECT_EQ(converted.result.outcome, MaskOutcome::written);
    EXPECT_FALSE(converted.result.had_alpha);
    EXPECT_EQ(converted.png->at(0, 0), (Rgba{255, 255, 255, 0}));
    EXPECT_EQ(converted.png->at(1, 0), (Rgba{0, 0, 0, 255}));
    target.luminance = false;
    const Converted refused = convert(make_png(mask), target);
    EXPECT_EQ(refused.result.outcome, MaskOutcome::no_alpha);
    EXPECT_EQ(refused.result.width, 2U);
    EXPECT_EQ(refused.bytes, "");
}

TEST(Mask, MustHaveTheSizeOfThePicture) {
    const PngSamples mask = mask_image(4, 3, [](uint32_t, uint32_t) { return 0; });
    const std::string file = make_png(mask);
    for (const auto &[width, height] :
         std::vector<std::pair<uint32_t, uint32_t>>{{3, 4}, {4, 4}, {5, 3}, {0, 0}}) {
        const Converted converted =
            convert(file, {.kind = MaskKind::white, .width = width, .height = height});
        EXPECT_EQ(converted.result.outcome, MaskOutcome::wrong_size);
        EXPECT_EQ(converted.result.width, 4U);
        EXPECT_EQ(converted.result.height, 3U);
        EXPECT_EQ(converted.bytes, "");
    }
    EXPECT_EQ(convert(file, {.width = 7, .height = 5, .orientation = 6}).result.reason,
              "it has 4x3 pixels, the picture 5x7");
}

// How viewers show a stored picture. Each is done by its name, not by coordinates.
using Grid = std::vector<std::vector<uint8_t>>;

Grid flipped(Grid grid) {  // left and right
    for (auto &row : grid) {
        std::reverse(row.begin(), row.end());
    }
    return grid;
}

Grid rotated(const Grid &grid) {  // by 90 degrees, clockwise
    Grid turned(grid[0].size(), std::vector<uint8_t>(grid.size()));
    for (size_t y = 0; y < grid.size(); ++y) {
        for (size_t x = 0; x < grid[0].size(); ++x) {
            turned[x][grid.size() - 1 - y] = grid[y][x];
        }
    }
    return turned;
}

Grid shown(const Grid &stored, int orientation) {
    switch (orientation) {
        case 2: return flipped(stored);
        case 3: return rotated(rotated(stored));
        case 4: return rotated(rotated(flipped(stored)));
        case 5: return rotated(rotated(rotated(flipped(stored))));
        case 6: return rotated(stored);
        case 7: return rotated(flipped(stored));
        case 8: return rotated(rotated(rotated(stored)));
        default: return stored;
    }
}

TEST(Mask, IsTurnedToFitTheStoredPixels) {
    Grid stored(3, std::vector<uint8_t>(5));
    for (size_t i = 0; i < 15; ++i) {
        stored[i / 5][i % 5] = static_cast<uint8_t>(i * 17);
    }
    for (int orientation = 1; orientation <= 8; ++orientation) {
        const Grid seen = shown(stored, orientation);
        PngSamples mask = mask_image(
            static_cast<uint32_t>(seen[0].size()), static_cast<uint32_t>(seen.size()),
            [&](uint32_t x, uint32_t y) { return static_cast<uint8_t>(255 - seen[y][x]); });
        for (const bool interlaced : {false, true}) {
            mask.interlaced = interlaced;
            for (const MaskKind kind : kKinds) {
                const Converted converted =
                    convert(make_png(mask),
                            {.kind = kind, .width = 5, .height = 3, .orientation = orientation});
                EXPECT_EQ(converted.result.turned, orientation != 1);
                EXPECT_TRUE(converted.result.was_soft);
                if (orientation == 1 && kind == MaskKind::alpha) {
                    EXPECT_EQ(converted.result.outcome, MaskOutcome::unchanged);
                    continue;
                }
                ASSERT_EQ(converted.result.outcome, MaskOutcome::written);
                for (uint32_t y = 0; y < 3; ++y) {
                    for (uint32_t x = 0; x < 5; ++x) {
                        ASSERT_EQ(converted.png->at(x, y),
                                  expected_pixel(kind, MaskLevels::grey, stored[y][x]))
                            << "orientation " << orientation << " at " << x << "," << y;
                    }
                }
            }
        }
    }
}

TEST(Mask, ThatFitsOnlyTheStoredPixelsIsNotTurned) {
    const PngSamples mask = mask_image(5, 3, [](uint32_t x, uint32_t) { return x == 0 ? 0 : 255; });
    const Converted converted = convert(
        make_png(mask), {.kind = MaskKind::white, .width = 5, .height = 3, .orientation = 6});
    ASSERT_EQ(converted.result.outcome, MaskOutcome::written);
    EXPECT_FALSE(converted.result.turned);
    EXPECT_EQ(converted.png->at(0, 2)[0], 255);
    EXPECT_EQ(converted.png->at(1, 2)[0], 0);
}

TEST(Mask, IsTurnedOnlyUpToALimit) {
    const PngSamples mask = mask_image(5, 4, [](uint32_t, uint32_t) { return 0; });
    MaskTarget target = target_of(mask, MaskKind::white);
    target.orientation = 3;
    target.max_turned_pixels = 20;
    EXPECT_EQ(convert(make_png(mask), target).result.outcome, MaskOutcome::written);
    target.max_turned_pixels = 19;
    EXPECT_EQ(convert(make_png(mask), target).result.outcome, MaskOutcome::too_large);
    target.orientation = 1;
    EXPECT_EQ(convert(make_png(mask), target).result.outcome, MaskOutcome::written);
}

TEST(Mask, OfAnImpossibleOrientationIsTakenAsItIs) {
    const PngSamples mask = mask_image(5, 4, [](uint32_t, uint32_t) { return 0; });
    for (const int orientation : {-1, 0, 9, 255}) {
        MaskTarget target = target_of(mask, MaskKind::alpha);
        target.orientation = orientation;
        EXPECT_EQ(convert(make_png(mask), target).result.outcome, MaskOutcome::unchanged);
    }
}

std::string noisy_mask(uint32_t side = 300) {
    std::mt19937 random(3);
    return make_png(random_image(random, side, side, PNG_COLOR_TYPE_RGBA, 8, false, false));
}

TEST(Mask, SaysWhyItWasNotConverted) {
    const MaskTarget target{.kind = MaskKind::white, .width = 300, .height = 300};
    EXPECT_EQ(convert("GIF89a", target).result.outcome, MaskOutcome::not_png);
    EXPECT_EQ(convert("", target).result.outcome, MaskOutcome::not_png);
    const std::string file = noisy_mask();
    EXPECT_EQ(convert(file.substr(0, 50'000), target).result.outcome, MaskOutcome::broken);
    MaskTarget smaller = target;
    smaller.limits.max_pixels = 1000;
    EXPECT_EQ(convert(file, smaller).result.outcome, MaskOutcome::too_large);

    MemorySource failing(file);
    failing.fail_from = 100'000;
    MemorySink sink;
    EXPECT_EQ(convert(failing, target, sink).result.outcome, MaskOutcome::source_failed);
    MemorySource source(file);
    MemorySink full;
    full.fail_from = 30'000;
    EXPECT_EQ(convert(source, target, full).result.outcome, MaskOutcome::sink_failed);
    MemorySource aborted(file);
    aborted.abort_at = 3;
    MemorySink unused;
    EXPECT_EQ(convert(aborted, target, unused).result.outcome, MaskOutcome::aborted);
}

TEST(Mask, ThatIsBrokenIsNeverPassedOnUnchanged) {
    const std::string file = noisy_mask(50);
    const MaskTarget target{.kind = MaskKind::alpha, .width = 50, .height = 50};
    ASSERT_EQ(convert(file, target).result.outcome, MaskOutcome::unchanged);
    for (size_t size = 0; size < file.size(); size += 97) {
        EXPECT_NE(convert(file.substr(0, size), target).result.outcome, MaskOutcome::unchanged);
    }
}

TEST(Mask, LeavesInPiecesOfLimitedSize) {
    MemorySource source(noisy_mask());
    MemorySink sink;
    convert(source, {.kind = MaskKind::white, .width = 300, .height = 300}, sink);
    EXPECT_GT(sink.bytes.size(), 60'000U);
    EXPECT_LE(sink.largest, 32768U);
}

TEST(Mask, SurvivesWhenMemoryIsShort) {
    const std::string file = noisy_mask(20);
    for (const int orientation : {1, 3}) {
        int64_t failed = 0;
        for (bool whole = false; !whole; ++failed) {
            MemorySource source(file);
            MemorySink sink;
            sink.bytes.reserve(100'000);
            FailingAllocations allocations(failed + 1);
            MaskResult result;
            {
                FailingAllocations::Window window(allocations);
                result = convert_mask(source,
                                      {.kind = MaskKind::white,
                                       .width = 20,
                                       .height = 20,
                                       .orientation = orientation},
                                      sink);
            }
            whole = !allocations.has_failed();
            EXPECT_EQ(result.outcome, whole ? MaskOutcome::written : MaskOutcome::out_of_memory);
        }
        EXPECT_GT(failed, 5);
    }
}

}  // namespace
}  // namespace gateway

// mask_mode "exact": the original outside of the mask, what the model returned inside.
#include "core/images/exact_mask.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "failing_allocations.h"
#include "memory_bytes.h"
#include "png_files.h"

namespace gateway {
namespace {

using namespace std::string_literals;

struct Files {
    std::string original;
    std::string mask;
    std::string returned;
};

struct Applied {
    ExactResult result;
    std::string bytes;
    std::optional<ReadPng> png;
};

Applied apply(const Files &files, const ExactRules &rules = {}) {
    MemorySource original(files.original);
    MemorySource mask(files.mask);
    MemorySource returned(files.returned);
    MemorySink sink;
    Applied applied;
    applied.result = apply_exact_mask({original, mask, returned}, rules, sink);
    applied.bytes = sink.bytes;
    EXPECT_EQ(applied.result.outcome == ExactOutcome::applied, applied.result.reason.empty());
    if (applied.result.outcome == ExactOutcome::applied) {
        applied.png = read_png(sink.bytes);
        EXPECT_TRUE(applied.png.has_value());
    }
    return applied;
}

PngSamples random_rgb(std::mt19937 &random, uint32_t width, uint32_t height) {
    return random_image(random, width, height, PNG_COLOR_TYPE_RGB, 8, false, false);
}

PngSamples alpha_mask(uint32_t width, uint32_t height,
                      const std::function<int(uint32_t x, uint32_t y)> &alpha) {
    return rgba_image(width, height, [&](uint32_t x, uint32_t y) {
        return Rgba{0, 0, 0, static_cast<uint8_t>(alpha(x, y))};
    });
}

TEST(ExactMask, ThatIsOpaqueGivesTheOriginalBack) {
    std::mt19937 random(1);
    const PngSamples original = random_rgb(random, 40, 30);
    const PngSamples returned = random_rgb(random, 40, 30);
    const PngSamples mask = alpha_mask(40, 30, [](uint32_t, uint32_t) { return 255; });
    const Applied applied = apply({make_png(original), make_png(mask), make_png(returned)});
    ASSERT_TRUE(applied.png);
    for (uint32_t y = 0; y < 30; ++y) {
        for (uint32_t x = 0; x < 40; ++x) {
            ASSERT_EQ(applied.png->at(x, y), pixel_of(original, x, y));
        }
    }
    EXPECT_EQ(applied.result.outside_share, 1);
    EXPECT_GT(applied.result.outside_changed, 0.99);
    EXPECT_EQ(applied.png->colour_type, PNG_COLOR_TYPE_RGB);
}

TEST(ExactMask, ThatIsTransparentGivesTheReturnedImage) {
    std::mt19937 random(2);
    const PngSamples original = random_rgb(random, 9, 9);
    const PngSamples returned = random_rgb(random, 9, 9);
    const PngSamples mask = alpha_mask(9, 9, [](uint32_t, uint32_t) { return 0; });
    const Applied applied = apply({make_png(original), make_png(mask), make_png(returned)});
    ASSERT_TRUE(applied.png);
    for (uint32_t i = 0; i < 81; ++i) {
        ASSERT_EQ(applied.png->pixels[i], pixel_of(returned, i % 9, i / 9));
    }
    EXPECT_EQ(applied.result.outside_share, 0);
    EXPECT_EQ(applied.result.outside_changed, 0);
    EXPECT_EQ(applied.result.feather, 8);
}

TEST(ExactMask, MixesOnlyInsideOfItsEdge) {
    const PngSamples original = rgba_image(60, 40, [](uint32_t, uint32_t) {
        return Rgba{0, 100, 200, 255};
    });
    const PngSamples returned = rgba_image(60, 40, [](uint32_t, uint32_t) {
        return Rgba{255, 50, 200, 255};
    });
    const PngSamples mask =
        alpha_mask(60, 40, [](uint32_t x, uint32_t) { return x >= 20 ? 0 : 255; });
    for (const int feather : {0, 1, 8, 30}) {
        const Applied applied =
            apply({make_png(original), make_png(mask), make_png(returned)}, {.feather = feather});
        ASSERT_TRUE(applied.png);
        EXPECT_EQ(applied.result.feather, feather);
        EXPECT_NEAR(applied.result.outside_share, 20.0 / 60, 1e-9);
        EXPECT_EQ(applied.result.outside_changed, 1);
        for (uint32_t x = 0; x < 60; ++x) {
            const Rgba pixel = applied.png->at(x, 17);
            EXPECT_EQ(pixel[2], 200);
            if (x < 20) {
                EXPECT_EQ(pixel, (Rgba{0, 100, 200, 255}));
            } else if (x >= 20 + static_cast<uint32_t>(feather)) {
                EXPECT_EQ(pixel, (Rgba{255, 50, 200, 255}));
            } else {
                EXPECT_NEAR(pixel[0], 255.0 * (x - 19) / (feather + 1), feather);
                const uint8_t before = applied.png->at(x - 1, 17)[0];
                EXPECT_TRUE(pixel[0] > before || before == 255);
                EXPECT_NEAR(pixel[1], 100 - 50.0 * pixel[0] / 255, 1);
            }
        }
    }
}

TEST(ExactMask, MixesWhereTheMaskIsSoft) {
    const PngSamples original = rgba_image(256, 1, [](uint32_t, uint32_t) {
        return Rgba{0, 0, 0, 255};
    });
    const PngSamples returned = rgba_image(256, 1, [](uint32_t, uint32_t) {
        return Rgba{255, 255, 255, 255};
    });
    const PngSamples mask =
        alpha_mask(256, 1, [](uint32_t x, uint32_t) { return static_cast<int>(255 - x); });
    const Applied applied =
        apply({make_png(original), make_png(mask), make_png(returned)}, {.feather = 8});
    ASSERT_TRUE(applied.png);
    for (uint32_t x = 0; x < 256; ++x) {
        EXPECT_EQ(applied.png->at(x, 0)[0], x) << "softer than the feather: it stays";
    }
}

TEST(ExactMask, ThatIsNarrowGetsANarrowFeather) {
    std::mt19937 random(3);
    const PngSamples original = random_rgb(random, 50, 50);
    const PngSamples returned = random_rgb(random, 50, 50);
    for (const auto &[lines, expected] : std::vector<std::pair<uint32_t, int>>{
             {1, 0}, {2, 0}, {3, 1}, {6, 1}, {8, 2}, {16, 4}, {18, 8}, {30, 8}}) {
        const PngSamples mask = alpha_mask(50, 50, [lines = lines](uint32_t, uint32_t y) {
            return y >= 10 && y < 10 + lines ? 0 : 255;
        });
        const Applied applied =
            apply({make_png(original), make_png(mask), make_png(returned)}, {.feather = 8});
        ASSERT_TRUE(applied.png);
        EXPECT_EQ(applied.result.feather, expected) << lines;
        const uint32_t middle = 10 + (lines - 1) / 2;
        for (uint32_t x = 0; x < 50; ++x) {
            ASSERT_EQ(applied.png->at(x, middle), pixel_of(returned, x, middle)) << lines;
            ASSERT_EQ(applied.png->at(x, 9), pixel_of(original, x, 9));
            ASSERT_EQ(applied.png->at(x, 10 + lines), pixel_of(original, x, 10 + lines));
        }
    }
}

// Whatever the kinds of the three PNG files are: outside the original, and inside the returned one.
TEST(ExactMask, HoldsForEveryKindOfPng) {
    std::mt19937 random(4);
    const std::vector<PngKind> kinds = all_png_kinds();
    for (size_t i = 0; i < kinds.size(); ++i) {
        const auto image = [&](const PngKind &kind) {
            return random_image(random, 13, 9, kind.colour_type, kind.bit_depth, kind.interlaced,
                                kind.transparent);
        };
        const PngSamples original = image(kinds[i]);
        const PngSamples returned = image(kinds[(i * 7 + 3) % kinds.size()]);
        const PngSamples mask = image(kinds[(i * 5 + 1) % kinds.size()]);
        const Files files = {make_png(original), make_png(mask), make_png(returned)};
        const Applied applied = apply(files, {.feather = 0});
        if (original.bit_depth == 16) {
            EXPECT_EQ(applied.result.outcome, ExactOutcome::wrong_format);
            EXPECT_EQ(applied.bytes, "");
            continue;
        }
        ASSERT_TRUE(applied.png) << applied.result.reason;
        EXPECT_EQ(applied.png->colour_type, original.has_alpha() || returned.has_alpha()
                                                ? PNG_COLOR_TYPE_RGBA
                                                : PNG_COLOR_TYPE_RGB);
        for (uint32_t y = 0; y < 9; ++y) {
            for (uint32_t x = 0; x < 13; ++x) {
                const Rgba m = pixel_of(mask, x, y);
                const bool keeps = mask.has_alpha() ? m[3] == 255 : m == Rgba{0, 0, 0, 255};
                const bool edits = mask.has_alpha() ? m[3] == 0 : m == Rgba{255, 255, 255, 255};
                if (keeps) {
                    ASSERT_EQ(applied.png->at(x, y), pixel_of(original, x, y));
                } else if (edits) {
                    ASSERT_EQ(applied.png->at(x, y), pixel_of(returned, x, y));
                }
            }
        }
    }
}

TEST(ExactMask, MixesColoursByWhatIsSeenOfThem) {
    const auto mixed = [](const Rgba &kept, const Rgba &edited) {
        const auto one = [](const Rgba &c) {
            return make_png(rgba_image(1, 1, [&](uint32_t, uint32_t) { return c; }));
        };
        return apply({one(kept), one({0, 0, 0, 127}), one(edited)}, {.feather = 0}).png->at(0, 0);
    };
    EXPECT_EQ(mixed({0, 0, 0, 255}, {255, 255, 255, 255}), (Rgba{128, 128, 128, 255}));
    EXPECT_EQ(mixed({255, 0, 0, 0}, {0, 255, 0, 255}), (Rgba{0, 255, 0, 128}));
    EXPECT_EQ(mixed({255, 0, 0, 255}, {0, 255, 0, 0}), (Rgba{255, 0, 0, 127}));
    EXPECT_EQ(mixed({255, 0, 0, 0}, {0, 255, 0, 0}), (Rgba{0, 255, 0, 0}));
}

TEST(ExactMask, TellsHowMuchChangedOutside) {
    const PngSamples original = rgba_image(10, 10, [](uint32_t, uint32_t) {
        return Rgba{100, 100, 100, 255};
    });
    const PngSamples mask =
        alpha_mask(10, 10, [](uint32_t, uint32_t y) { return y < 5 ? 0 : 255; });
    const PngSamples returned = rgba_image(10, 10, [](uint32_t x, uint32_t y) {
        return y < 5 ? Rgba{1, 2, 3, 255} : Rgba{100, static_cast<uint8_t>(100 + x), 100, 255};
    });
    const Files files = {make_png(original), make_png(mask), make_png(returned)};
    EXPECT_EQ(apply(files).result.outside_share, 0.5);
    EXPECT_EQ(apply(files).result.outside_changed, 0.9);
    EXPECT_EQ(apply(files, {.tolerance = 4}).result.outside_changed, 0.5);
    EXPECT_EQ(apply(files, {.tolerance = 9}).result.outside_changed, 0);
    EXPECT_EQ(apply({files.original, files.mask, files.original}).result.outside_changed, 0);
    // The colour of a pixel that is not seen does not matter.
    const auto unseen = [](uint8_t red) {
        return make_png(rgba_image(10, 10, [red](uint32_t, uint32_t) {
            return Rgba{red, 0, 0, 0};
        }));
    };
    const Applied applied = apply({unseen(1), files.mask, unseen(2)});
    EXPECT_EQ(applied.result.outside_changed, 0);
    EXPECT_EQ(applied.png->at(0, 9), (Rgba{1, 0, 0, 0}));
}

TEST(ExactMask, IsNotAppliedToOtherFormatsAndSizes) {
    std::mt19937 random(5);
    const std::string png = make_png(random_rgb(random, 6, 4));
    const std::string other = make_png(random_rgb(random, 4, 6));
    const std::string deep =
        make_png(random_image(random, 6, 4, PNG_COLOR_TYPE_RGB, 16, false, false));
    const std::string jpeg = "\xff\xd8\xff\xe0" + std::string(100, 'x');
    const auto result = [](const Files &files, const ExactRules &rules = {}) {
        const Applied applied = apply(files, rules);
        EXPECT_EQ(applied.bytes, "");
        return std::pair(applied.result.outcome, applied.result.reason);
    };
    EXPECT_EQ(result({jpeg, png, png}),
              std::pair(ExactOutcome::wrong_format, "the original is not a PNG"s));
    EXPECT_EQ(result({png, png, jpeg}),
              std::pair(ExactOutcome::wrong_format, "the returned image is not a PNG"s));
    EXPECT_EQ(result({png, jpeg, png}), std::pair(ExactOutcome::broken, "the mask is not a PNG"s));
    EXPECT_EQ(result({deep, png, png}),
              std::pair(ExactOutcome::wrong_format, "the original has 16 bits per channel"s));
    EXPECT_EQ(apply({png, png, deep}).result.outcome, ExactOutcome::applied);
    EXPECT_EQ(result({png, png, other}),
              std::pair(ExactOutcome::wrong_size,
                        "the returned image has 4x6 pixels, the original 6x4"s));
    EXPECT_EQ(result({png, other, png}),
              std::pair(ExactOutcome::wrong_size, "the mask has 4x6 pixels, the original 6x4"s));
    EXPECT_EQ(result({png, png, png}, {.limits = {.max_pixels = 23}}),
              std::pair(ExactOutcome::too_large, "the original has 6x4 pixels"s));
    EXPECT_EQ(result({png, png, png}, {.luminance = false}),
              std::pair(ExactOutcome::no_alpha, "the mask has no alpha channel"s));
}

std::string with_chunks(const std::vector<std::pair<std::string, std::string>> &chunks) {
    std::mt19937 random(6);
    PngSamples image = random_rgb(random, 6, 4);
    image.chunks = chunks;
    return make_png(image);
}

TEST(ExactMask, IsNotAppliedIfTheColourProfilesDiffer) {
    const std::string plain = with_chunks({});
    const std::string srgb = with_chunks({{"sRGB", "\0"s}});
    const std::string linear = with_chunks({{"gAMA", big_endian_text(100'000)}});
    EXPECT_EQ(apply({plain, plain, linear}).result.outcome, ExactOutcome::colours_differ);
    EXPECT_EQ(apply({linear, plain, plain}).result.outcome, ExactOutcome::colours_differ);
    EXPECT_EQ(apply({linear, plain, srgb}).result.reason, "the colour profiles differ");
    EXPECT_EQ(apply({srgb, linear, plain}).result.outcome, ExactOutcome::applied);
    const auto profiled = [](const std::string &model) {
        return with_chunks(
            {{"iCCP", "a\0\0"s + deflated(std::string(16, 'p') + model + std::string(200, 'p'))}});
    };
    EXPECT_EQ(apply({profiled("RGB "), plain, profiled("RGB ")}).result.outcome,
              ExactOutcome::applied);
    EXPECT_EQ(apply({profiled("GRAY"), plain, profiled("GRAY")}).result.reason,
              "the colour profile is not one for RGB");
    const std::string broken = with_chunks({{"iCCP", "a\0\0nothing"s}});
    EXPECT_EQ(apply({broken, plain, broken}).result.reason,
              "the original: its colour profile is broken");
}

TEST(ExactMask, KeepsTheColourChunksOfTheReturnedImage) {
    const std::string plain = with_chunks({});
    const auto chunks = png_chunk("gAMA", big_endian_text(45'455)) + png_chunk("sRGB", "\1"s);
    const std::string returned =
        with_chunks({{"gAMA", big_endian_text(45'455)}, {"tEXt", "a\0b"s}, {"sRGB", "\1"s}});
    const Applied applied = apply({with_chunks({{"sRGB", "\0"s}}), plain, returned});
    EXPECT_EQ(applied.bytes.find(chunks), 33U);
    EXPECT_EQ(applied.bytes.find("tEXt"), std::string::npos);
    EXPECT_EQ(apply({returned, plain, plain}).bytes.find("sRGB"), std::string::npos);
}

TEST(ExactMask, IsNotAppliedToBrokenFiles) {
    std::mt19937 random(7);
    const std::string png = make_png(random_rgb(random, 12, 9));
    for (size_t size = 0; size < png.size(); size += 3) {
        const std::string cut = png.substr(0, size);
        EXPECT_NE(apply({cut, png, png}).result.outcome, ExactOutcome::applied);
        EXPECT_NE(apply({png, cut, png}).result.outcome, ExactOutcome::applied);
        EXPECT_NE(apply({png, png, cut}).result.outcome, ExactOutcome::applied);
    }
    std::string wrong = png;
    wrong[wrong.size() - 20] ^= 1;
    EXPECT_EQ(apply({wrong, png, png}).result.outcome, ExactOutcome::broken);
    EXPECT_EQ(apply({png, wrong, png}).result.outcome, ExactOutcome::broken);
    EXPECT_EQ(apply({png, png, wrong}).result.outcome, ExactOutcome::broken);
}

TEST(ExactMask, EndsWhenTheWorldFails) {
    std::mt19937 random(8);
    const std::string png =
        make_png(random_image(random, 200, 200, PNG_COLOR_TYPE_RGBA, 8, false, false));
    for (int which = 0; which < 3; ++which) {
        for (const int read : {1, 3}) {
            MemorySource sources[3] = {MemorySource(png), MemorySource(png), MemorySource(png)};
            sources[which].throw_at = read;
            MemorySink sink;
            EXPECT_EQ(apply_exact_mask({sources[0], sources[1], sources[2]}, {}, sink).outcome,
                      ExactOutcome::source_failed);
            MemorySource others[3] = {MemorySource(png), MemorySource(png), MemorySource(png)};
            others[which].abort_at = read;
            EXPECT_EQ(
                apply_exact_mask({others[0], others[1], others[2]}, {}, sink, &others[which].abort)
                    .outcome,
                ExactOutcome::aborted);
        }
    }
    MemorySource a(png);
    MemorySource b(png);
    MemorySource c(png);
    MemorySink full;
    full.fail_from = 50'000;
    EXPECT_EQ(apply_exact_mask({a, b, c}, {}, full).outcome, ExactOutcome::sink_failed);
}

TEST(ExactMask, SurvivesWhenMemoryIsShort) {
    const std::string png = with_chunks({{"gAMA", big_endian_text(45'455)}});
    int64_t failed = 0;
    for (bool whole = false; !whole; ++failed) {
        MemorySource original(png);
        MemorySource mask(png);
        MemorySource returned(png);
        MemorySink sink;
        sink.bytes.reserve(100'000);
        FailingAllocations allocations(failed + 1);
        ExactResult result;
        {
            const FailingAllocations::Window window(allocations);
            result = apply_exact_mask({original, mask, returned}, {}, sink);
        }
        whole = !allocations.has_failed();
        EXPECT_EQ(result.outcome, whole ? ExactOutcome::applied : ExactOutcome::out_of_memory);
    }
    EXPECT_GT(failed, 10);
}

}  // namespace
}  // namespace gateway

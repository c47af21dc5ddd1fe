// Sizes, ratios and tiers as clients write them, and conversions between them.
#include "core/request/geometry.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

TEST(Geometry, ReadsSizesOfTheFormWidthTimesHeight) {
    EXPECT_EQ(parse_size("1024x1536"), (Pixels{1024, 1536}));
    EXPECT_EQ(parse_size("1x1"), (Pixels{1, 1}));
    EXPECT_EQ(parse_size("16384x16384"), (Pixels{16384, 16384}));
    EXPECT_EQ(parse_size("9x16"), (Pixels{9, 16}));
    for (const char *bad : {"",
                            "x",
                            "1024",
                            "1024x",
                            "x1024",
                            "0x1024",
                            "1024x0",
                            "-1x1024",
                            "+1x1024",
                            "01024x1024",
                            "1024X1024",
                            "1024x1024x1",
                            "1024 x1024",
                            " 1024x1024",
                            "1024x1024 ",
                            "1e3x1e3",
                            "16385x1",
                            "1x16385",
                            "99999999999999999999x1",
                            "1024:1024",
                            "auto",
                            "1024\xC3\x97\x31\x30\x32\x34"}) {
        EXPECT_FALSE(parse_size(bad)) << bad;
    }
}

TEST(Geometry, ReadsRatiosOfTheFormWToH) {
    EXPECT_EQ(parse_ratio("16:9"), (Pixels{16, 9}));
    EXPECT_EQ(parse_ratio("1:1"), (Pixels{1, 1}));
    EXPECT_EQ(parse_ratio("1024:768"), (Pixels{1024, 768}));
    EXPECT_EQ(parse_ratio("9:21"), (Pixels{9, 21}));
    EXPECT_EQ(parse_ratio("16384:1"), (Pixels{16384, 1}));
    for (const char *bad : {"", ":", "16:", ":9", "16x9", "0:9", "16:0", "-16:9", "16:9:1", "1.5:1",
                            "16/9", "016:9", " 16:9", "16:9 ", "16385:1", "auto", "square"}) {
        EXPECT_FALSE(parse_ratio(bad)) << bad;
    }
}

TEST(Geometry, ReadsTiersAsTheSideOfTheirSquare) {
    const struct {
        const char *text;
        int64_t side;
    } kTiers[] = {{"1K", 1024},     {"2K", 2048},   {"4K", 4096},  {"1k", 1024},   {"2k", 2048},
                  {"1.5K", 1536},   {"1.5k", 1536}, {"0.5K", 512}, {"16K", 16384}, {"16.0K", 16384},
                  {"15.9K", 16281}, {"0.1K", 102},  {"1.0K", 1024}};
    for (const auto &row : kTiers) {
        EXPECT_EQ(parse_tier(row.text), row.side) << row.text;
    }
    for (const char *bad :
         {"",      "K",    "k",    "1",     "1024",  "0K",     "0.0K", "17K",
          "16.1K", "1.K",  ".5K",  "1.55K", "1..5K", "1.5.5K", "-1K",  "+1K",
          "1 K",   " 1K",  "1K ",  "1KK",   "1KB",   "1M",     "1,5K", "auto",
          "1.xK",  "1e1K", "1x1K", "K1",    "-1.5K", "1.-5K",  "1.+K", "999999999999999999999K"}) {
        EXPECT_FALSE(parse_tier(bad)) << bad;
    }
}

TEST(Geometry, ReadsNoTierThatIsBelowNothing) {
    for (const char *bad : {"-0K", "-0.5K", "-0.9k"}) {
        EXPECT_FALSE(parse_tier(bad)) << bad;
        EXPECT_FALSE(parse_resolution(bad)) << bad;
    }
}

TEST(Geometry, ReadsResolutionsAsTiersOrPlainSides) {
    const struct {
        const char *text;
        int64_t side;
    } kResolutions[] = {{"512", 512},     {"768sq", 768},     {"1K", 1024},
                        {"1.5k", 1536},   {"64", 64},         {"64sq", 64},
                        {"16384", 16384}, {"16384sq", 16384}, {"0.5K", 512}};
    for (const auto &row : kResolutions) {
        EXPECT_EQ(parse_resolution(row.text), row.side) << row.text;
    }
    for (const char *bad :
         {"",          "sq",    "63",      "63sq",  "0",       "-512",   "+512",
          "0512",      "16385", "16385sq", "512SQ", "512sqsq", "512 sq", "1Ksq",
          "1024x1024", "512px", "1:1",     "auto",  "HD",      " 512",   "512 "}) {
        EXPECT_FALSE(parse_resolution(bad)) << bad;
    }
}

TEST(Geometry, WritesSizesAndRatiosInLowestTerms) {
    EXPECT_EQ(size_text({1024, 1536}), "1024x1536");
    EXPECT_EQ(ratio_text({1920, 1080}), "16:9");
    EXPECT_EQ(ratio_text({1024, 1024}), "1:1");
    EXPECT_EQ(ratio_text({1024, 1536}), "2:3");
    EXPECT_EQ(ratio_text({7, 5}), "7:5");
    EXPECT_EQ(ratio_text({1, 16384}), "1:16384");
    EXPECT_EQ(parse_size(size_text({320, 200})), (Pixels{320, 200}));
    EXPECT_EQ(parse_ratio(ratio_text({320, 200})), (Pixels{8, 5}));
}

TEST(Geometry, KnowsTheAreaAndTheRatioOfASize) {
    EXPECT_EQ((Pixels{16384, 16384}).area(), 268435456);
    EXPECT_DOUBLE_EQ((Pixels{1536, 1024}).ratio(), 1.5);
    EXPECT_DOUBLE_EQ((Pixels{1024, 1536}).ratio(), 2.0 / 3);
}

TEST(Geometry, MeasuresHowFarOneNumberIsFromAnother) {
    EXPECT_DOUBLE_EQ(deviation(1.5, 1.5), 0);
    EXPECT_DOUBLE_EQ(deviation(2, 1), 1);
    EXPECT_DOUBLE_EQ(deviation(1, 2), 0.5);
}

TEST(Geometry, TakesARoundedSizeForItsRatio) {
    const struct {
        Pixels size;
        Pixels ratio;
        bool agree;
    } kRows[] = {
        {{1024, 1024}, {1, 1}, true},   {{1920, 1080}, {16, 9}, true},
        {{1376, 768}, {16, 9}, true},   {{1792, 1024}, {16, 9}, true},
        {{1024, 1792}, {9, 16}, true},  {{1536, 1024}, {3, 2}, true},
        {{1029, 1000}, {1, 1}, true},   {{1031, 1000}, {1, 1}, false},
        {{971, 1000}, {1, 1}, true},    {{969, 1000}, {1, 1}, false},
        {{1024, 1792}, {16, 9}, false}, {{1024, 1024}, {16, 9}, false},
        {{1536, 1024}, {4, 3}, false},  {{1536, 1024}, {16, 9}, false},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(agree(row.size, row.ratio), row.agree)
            << size_text(row.size) << " " << ratio_text(row.ratio);
    }
}

TEST(Geometry, TakesASizeForItsTierByItsAreaOrItsLongerSide) {
    const struct {
        Pixels size;
        int64_t tier;
        bool agree;
    } kRows[] = {
        {{1024, 1024}, 1024, true},  {{2048, 2048}, 2048, true},  {{2048, 1152}, 2048, true},
        {{1152, 2048}, 2048, true},  {{3840, 2160}, 4096, true},  {{1344, 768}, 1024, true},
        {{2048, 512}, 1024, true},   {{2048, 512}, 2048, true},   {{1024, 1024}, 2048, false},
        {{2048, 2048}, 1024, false}, {{512, 512}, 1024, false},   {{4096, 4096}, 2048, false},
        {{1448, 1448}, 1024, true},  {{1449, 1449}, 1024, false}, {{725, 725}, 1024, true},
        {{724, 724}, 1024, false},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(agree(row.size, row.tier), row.agree) << size_text(row.size) << " " << row.tier;
    }
}

Shape shape(std::string_view size, std::string_view ratio, std::string_view resolution) {
    Params params;
    const auto set = [&](Param param, std::string_view text) {
        if (!text.empty()) {
            params[param] = text;
        }
    };
    set(Param::size, size);
    set(Param::aspect_ratio, ratio);
    set(Param::resolution, resolution);
    return shape_of(params);
}

TEST(Geometry, KeepsSizeRatioAndTierOfARequestApart) {
    const Shape nothing = shape("", "", "");
    EXPECT_FALSE(nothing.size || nothing.ratio || nothing.tier);
    const Shape all = shape("1536x1024", "3:2", "1K");
    EXPECT_EQ(all.size, (Pixels{1536, 1024}));
    EXPECT_EQ(all.ratio, (Pixels{3, 2}));
    EXPECT_EQ(all.tier, 1024);
    const Shape plain = shape("1536x1024", "", "");
    EXPECT_EQ(plain.size, (Pixels{1536, 1024}));
    EXPECT_FALSE(plain.ratio || plain.tier);
    EXPECT_EQ(shape("", "", "512").tier, 512);
}

TEST(Geometry, ReadsATierFromTheSizeToo) {
    const Shape tier = shape("2K", "16:9", "");
    EXPECT_FALSE(tier.size);
    EXPECT_EQ(tier.ratio, (Pixels{16, 9}));
    EXPECT_EQ(tier.tier, 2048);
    EXPECT_EQ(shape("2K", "", "4K").tier, 4096);
    // A plain number is a tier only where it is called a resolution.
    EXPECT_FALSE(shape("512", "", "").tier);
}

TEST(Geometry, HasNoShapeForWordsThatAreNone) {
    const Shape words = shape("auto", "square", "high");
    EXPECT_FALSE(words.size || words.ratio || words.tier);
}

TEST(Geometry, TakesAStandardForAShapeLikeAnyOther) {
    Params params;
    params.set_default(Param::size, std::string_view("1024x1024"));
    EXPECT_EQ(shape_of(params).size, (Pixels{1024, 1024}));
}

}  // namespace
}  // namespace gateway

// Fitting of sizes: the nearest that a model accepts, by ratio first and then by area, and the
// reported difference.
#include "core/catalog/fit_geometry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "catalogues.h"

namespace gateway {
namespace {

struct Wish {
    const char *size = "";
    const char *ratio = "";
    const char *tier = "";
};

FittedShape fit_wish(const ModelSpec &model, const Wish &wish) {
    Params asked;
    const std::pair<Param, const char *> parts[] = {{Param::size, wish.size},
                                                    {Param::aspect_ratio, wish.ratio},
                                                    {Param::resolution, wish.tier}};
    for (const auto &[param, text] : parts) {
        if (*text != '\0') {
            asked[param] = std::string_view(text);
        }
    }
    return fit_shape(asked, model);
}

struct Row {
    Wish wish;
    const char *sent;  // size, ratio and tier, as far as there are
    const char *errors = "";
};

void expect_shapes(const char *api, const char *name, std::span<const Row> rows) {
    const ModelSpec &model = model_of(api, name);
    for (const Row &row : rows) {
        SCOPED_TRACE(std::string(name) + ": " + row.wish.size + " " + row.wish.ratio + " " +
                     row.wish.tier);
        const FittedShape shape = fit_wish(model, row.wish);
        std::string sent = shape.size;
        sent += (sent.empty() || shape.ratio.empty() ? "" : " ") + shape.ratio;
        sent += (sent.empty() || shape.tier.empty() ? "" : " ") + shape.tier;
        EXPECT_EQ(sent, row.sent);
        const size_t colon = shape.reason.find(": ");
        EXPECT_EQ(colon == std::string::npos ? "" : shape.reason.substr(colon + 2), row.errors);
        EXPECT_EQ(shape.reason.find('%') != std::string::npos, *row.errors != '\0');
    }
}

TEST(FitGeometry, OfModelsWithARuleForSizes) {
    const Row kRows[] = {
        {{"1920x1080"}, "1920x1088", "ratio off by 0.7 %, area off by 0.7 %"},
        {{"1920x1088"}, "1920x1088"},
        {{"auto"}, "auto"},
        {{"", "16:9"}, "1280x720"},
        {{"", "1:1"}, "1024x1024"},
        {{"", "21:9"}, "1568x672"},
        {{"", "9:21"}, "672x1568"},
        {{"", "3:1"}, "1776x592"},
        {{"", "", "1K"}, "1024x1024"},
        {{"", "", "2K"}, "2048x2048"},
        {{"", "", "4K"}, "2880x2880", "area off by 50.6 %"},
        {{"2K"}, "2048x2048"},
        {{"", "16:9", "2K"}, "2816x1584", "area off by 6.3 %"},
        {{"", "16:9", "4K"}, "3840x2160", "area off by 50.6 %"},
        {{"512x512"}, "816x816", "area off by 154.0 %"},
        {{"256x256"}, "816x816", "area off by 916.0 %"},
        {{"8192x8192"}, "2880x2880", "area off by 87.6 %"},
        {{"1x16384"}, "480x1440", "ratio off by 546033.3 %, area off by 4118.8 %"},
        {{"16384x1"}, "1440x480", "ratio off by 100.0 %, area off by 4118.8 %"},
        {{"", "1:16384"}, "592x1776", "ratio off by 546033.3 %"},
        {{"", "16384:1"}, "1776x592", "ratio off by 100.0 %"},
        {{"1024x1024", "16:9"}, "1360x768", "ratio off by 0.4 %, area off by 0.4 %"},
        {{"1024x1024", "1:1"}, "1024x1024"},
        {{"some words"}, ""},
    };
    for (const char *model : {"gpt-image-2", "gpt-image-2.5-flare"}) {
        expect_shapes("openai", model, kRows);
    }
}

TEST(FitGeometry, OfModelsWithAListOfSizes) {
    const Row kRows[] = {
        {{"auto"}, "auto"},
        {{"1536x1024"}, "1536x1024"},
        {{"1792x1024"}, "1536x1024", "ratio off by 14.3 %, area off by 14.3 %"},
        {{"1024x1792"}, "1024x1536", "ratio off by 16.7 %, area off by 14.3 %"},
        {{"512x512"}, "1024x1024", "area off by 300.0 %"},
        {{"2048x2048"}, "1024x1024", "area off by 75.0 %"},
        {{"", "16:9"}, "1536x1024", "ratio off by 15.6 %"},
        {{"", "9:21"}, "1024x1536", "ratio off by 55.6 %"},
        {{"", "4:3"}, "1536x1024", "ratio off by 12.5 %"},
        {{"", "3:2"}, "1536x1024"},
        {{"", "", "4K"}, "1024x1024", "area off by 93.8 %"},
        {{"1x16384"}, "1024x1536", "ratio off by 1092166.7 %, area off by 9500.0 %"},
    };
    expect_shapes("openai", "gpt-image-1.5", kRows);
    const Row kDallE2[] = {{{"auto"}, ""},
                           {{"300x300"}, "256x256", "area off by 27.2 %"},
                           {{"", "21:9"}, "1024x1024", "ratio off by 57.1 %"}};
    expect_shapes("openai", "dall-e-2", kDallE2);
    const Row kDallE3[] = {
        {{"1536x1024"}, "1792x1024", "ratio off by 16.7 %, area off by 16.7 %"},
        {{"1024x1024", "16:9"}, "1792x1024", "ratio off by 1.6 %, area off by 75.0 %"}};
    expect_shapes("openai", "dall-e-3", kDallE3);
}

TEST(FitGeometry, OfTheSandbox) {
    const Row kRows[] = {
        {{"1920x1080"}, "1920x1080"},
        {{"1x4096"}, "1x4096"},
        {{"4096x1024"}, "4096x1024"},
        {{"4096x4096"}, "2048x2048", "area off by 75.0 %"},
        {{"", "16:9"}, "1360x765"},
        {{"", "21:9"}, "1568x672"},
        {{"", "", "4K"}, "2048x2048", "area off by 75.0 %"},
        {{"4097x2"}, "4096x2"},
        {{"", "4096:1"}, "4096x1"},
    };
    expect_shapes("sandbox", "placeholder", kRows);
}

TEST(FitGeometry, OfFluxModels) {
    const Row kFlux2[] = {
        {{"1920x1080"}, "1920x1088", "ratio off by 0.7 %, area off by 0.7 %"},
        {{"", "21:9"}, "1568x672"},
        {{"", "16:9", "2K"}, "2560x1440", "area off by 12.1 %"},
        {{"4096x4096"}, "2048x2048", "area off by 75.0 %"},
        {{"auto"}, "auto"},
        {{"32x32"}, "64x64", "area off by 300.0 %"},
    };
    expect_shapes("black-forest-labs", "flux-2-pro", kFlux2);
    const Row kFlux1[] = {
        {{"1024x768"}, "1024x768"},
        {{"2048x2048"}, "1440x1440", "area off by 50.6 %"},
        {{"", "21:9"}, "1344x576"},
        {{"", "5:1"}, "1440x288"},
        {{"auto"}, ""},
    };
    expect_shapes("black-forest-labs", "flux-pro-1.1", kFlux1);
    const Row kKontext[] = {
        {{"", "7:3"}, "7:3"},
        {{"", "3:7"}, "3:7"},
        {{"", "21:9"}, "21:9"},
        {{"", "16:9"}, "16:9"},
        {{"", "3:1"}, "7:3", "ratio off by 22.2 %"},
        {{"", "1:16384"}, "3:7", "ratio off by 702071.4 %"},
        {{"1920x1080"}, "16:9"},
        {{"16384x1"}, "7:3", "ratio off by 100.0 %"},
        {{"", "", "2K"}, ""},
        {{"auto"}, ""},
        {{"1024x1024", "16:9"}, "16:9"},
    };
    expect_shapes("black-forest-labs", "flux-kontext-pro", kKontext);
    const Row kUltra[] = {{{"", "21:9"}, "21:9"}, {{"", "3:1"}, "21:9", "ratio off by 22.2 %"}};
    expect_shapes("black-forest-labs", "flux-pro-1.1-ultra", kUltra);
    const Row kFlux3[] = {
        {{"", "21:9"}, "21:9"},
        {{"", "9:21"}, "9:21"},
        {{"", "3:1"}, "21:9", "ratio off by 22.2 %"},
        {{"", "", "1K"}, "1k"},
        {{"", "", "1.5K"}, "1.5k"},
        {{"", "", "768"}, "768sq"},
        {{"", "", "512"}, "768sq", "area off by 125.0 %"},
        {{"1920x1080"}, "16:9 1.5k", "area off by 13.8 %"},
        {{"4K"}, "4k"},
        {{"", "14:10", "4K"}, "7:5 4k"},
    };
    expect_shapes("black-forest-labs", "flux-3-image", kFlux3);
}

TEST(FitGeometry, OfGeminiModels) {
    const Row kPro[] = {
        {{"", "21:9"}, "21:9"},
        {{"", "16:9"}, "16:9"},
        {{"", "9:21"}, "9:16", "ratio off by 31.3 %"},
        {{"", "1:4"}, "9:16", "ratio off by 125.0 %"},
        {{"", "", "2k"}, "2K"},
        {{"", "", "512"}, "1K", "area off by 300.0 %"},
        {{"", "", "8K"}, "4K", "area off by 75.0 %"},
        {{"1024x1024"}, "1:1 1K"},
        {{"1920x1080"}, "16:9 2K", "area off by 102.3 %"},
        {{"1376x768"}, "16:9 1K", "ratio off by 0.8 %, area off by 0.8 %"},
        {{"3840x2160"}, "16:9 4K", "area off by 102.3 %"},
        {{"4K"}, "4K"},
        {{"auto"}, ""},
        {{"1024x1024", "16:9"}, "16:9 1K"},
    };
    expect_shapes("google-gemini", "gemini-3-pro-image", kPro);
    const Row kFlash[] = {
        {{"", "1:8"}, "1:8"},
        {{"", "1:16384"}, "1:8", "ratio off by 204700.0 %"},
        {{"512x512"}, "1:1 512"},
        {{"", "", "512"}, "512"},
        {{"", "9:21"}, "9:16", "ratio off by 31.3 %"},
    };
    expect_shapes("google-gemini", "gemini-3.1-flash-image", kFlash);
    const Row kOld[] = {{{"2048x2048"}, "1:1"}, {{"", "", "2K"}, ""}, {{"", "21:9"}, "21:9"}};
    expect_shapes("google-gemini", "gemini-2.5-flash-image", kOld);
    const Row kLite[] = {{{"", "21:9", "4K"}, "21:9 1K", "area off by 93.8 %"}};
    expect_shapes("google-gemini", "gemini-3.1-flash-lite-image", kLite);
}

TEST(FitGeometry, TwentyOneToNineStaysThatWhereverAModelCan) {
    const double wanted = 21.0 / 9;
    size_t seen = 0;
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &model : rows) {
            SCOPED_TRACE(api + "/" + model.pattern);
            const FittedShape shape = fit_wish(model, {"", "21:9"});
            const auto &listed = model.ratio.list;
            const bool can =
                model.size.rule ? model.size.rule->max_ratio >= wanted : model.size.takes_any();
            if (model[Param::size] && can) {
                ASSERT_TRUE(parse_size(shape.size)) << shape.size;
                EXPECT_NEAR(parse_size(shape.size)->ratio(), wanted, 0.01);
                ++seen;
            } else if (std::find(listed.begin(), listed.end(), Pixels{21, 9}) != listed.end()) {
                EXPECT_EQ(shape.ratio, "21:9") << "in the model's own spelling";
                ++seen;
            } else if (model[Param::aspect_ratio] && listed.empty()) {
                EXPECT_EQ(shape.ratio, "21:9") << "as the caller spelled it";
                ++seen;
            } else if (model[Param::aspect_ratio]) {
                // The nearest there is, and what is lost is said.
                const auto distance = [&](Pixels ratio) {
                    return std::abs(std::log(ratio.ratio() / wanted));
                };
                const auto nearest = parse_ratio(shape.ratio);
                ASSERT_TRUE(nearest) << shape.ratio;
                for (const Pixels &ratio : listed) {
                    EXPECT_GE(distance(ratio), distance(*nearest)) << spelled_ratio(ratio);
                }
                EXPECT_NE(shape.reason.find("ratio off by"), std::string::npos) << shape.reason;
            } else if (model[Param::size]) {
                // The widest there is, and what is lost is said.
                for (const Pixels &size : model.size.list) {
                    EXPECT_LE(size.ratio(), parse_size(shape.size)->ratio());
                }
                EXPECT_NE(shape.reason.find("ratio off by"), std::string::npos);
            }
        }
    }
    EXPECT_GE(seen, 25U);
}

TEST(FitGeometry, ComesAsNearAsItCanToARatioThatCannotBeHad) {
    const Row kFlux1[] = {
        {{"", "8:1"}, "1440x256", "ratio off by 29.7 %"},
        {{"", "1:8"}, "256x1440", "ratio off by 42.2 %"},
        {{"2048x256"}, "1440x256", "ratio off by 29.7 %, area off by 29.7 %"},
        {{"16384x1"}, "1440x256", "ratio off by 100.0 %, area off by 2150.0 %"},
    };
    expect_shapes("black-forest-labs", "flux-pro-1.1", kFlux1);
    const Row kFlux2[] = {{{"", "16384:1"}, "16384x64", "ratio off by 98.4 %"},
                          {{"", "1:16384"}, "64x16384", "ratio off by 6300.0 %"}};
    expect_shapes("black-forest-labs", "flux-2-pro", kFlux2);
    const Row kSandbox[] = {{{"", "4096:1"}, "4096x1"},
                            {{"", "1:4096"}, "1x4096"},
                            {{"2x4097"}, "2x4096"},
                            {{"", "16384:1"}, "4096x1", "ratio off by 75.0 %"}};
    expect_shapes("sandbox", "placeholder", kSandbox);
}

}  // namespace
}  // namespace gateway

// catalog.json: the built-in one is valid; precedence of families, overrides and overlays.
#include "core/catalog/catalog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "catalogues.h"

namespace gateway {
namespace {

constexpr const char *kApis[] = {"openai",        "sandbox", "black-forest-labs",
                                 "google-gemini", "fal",     "fal-run"};

std::string names_of(const std::vector<const ModelSpec *> &models) {
    std::string names;
    for (const ModelSpec *model : models) {
        names += (names.empty() ? "" : " ") + model->pattern;
    }
    return names;
}

bool offers(const ModelSpec &model, Param param, const char *word) {
    const auto &choices = model[param]->choices;
    return std::find(choices.begin(), choices.end(), word) != choices.end();
}

TEST(Catalogue, BuiltInOneKnowsEveryApisLastResort) {
    for (const char *api : kApis) {
        const ModelSpec *any = built_in().find("mine", api, "a-model-that-nobody-listed");
        ASSERT_NE(any, nullptr) << api;
        EXPECT_TRUE(any->is_last_resort());
        EXPECT_TRUE(any->can(Operation::generate));
        EXPECT_FALSE(built_in().lists("mine", api, "a-model-that-nobody-listed"));
        EXPECT_TRUE((*any)[Param::prompt]);
    }
    EXPECT_EQ(built_in().find("mine", "midjourney", "v8"), nullptr);
    EXPECT_FALSE(built_in().lists("mine", "midjourney", "v8"));
}

// A row after one that matches the same names would never be used.
TEST(Catalogue, BuiltInOneHasNoRowThatIsNeverReached) {
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &row : rows) {
            std::string example = row.pattern;
            std::replace(example.begin(), example.end(), '*', '~');
            EXPECT_EQ(built_in().find("mine", api, example), &row) << api << "/" << row.pattern;
        }
    }
}

TEST(Catalogue, BuiltInOneKnowsWhenAModelIsShutDown) {
    for (const auto &[api, rows] : built_in().apis()) {
        for (const ModelSpec &row : rows) {
            SCOPED_TRACE(api + "/" + row.pattern);
            EXPECT_TRUE(row.operations.any());
            EXPECT_EQ(row.shutdown.empty(), !row.shutdown_time);
            EXPECT_FALSE(row[Param::resolution] && row.tier.list.empty());
        }
    }
    const ModelSpec &old = model_of("openai", "gpt-image-1.5");
    EXPECT_EQ(old.how_shut_down(), "was shut down on 2026-12-01");
    EXPECT_EQ(old.status, ModelStatus::deprecated);
    constexpr int64_t kDecember = 1'796'083'200;  // 2026-12-01T00:00:00Z
    EXPECT_FALSE(old.is_shut_down(kDecember - 1));
    EXPECT_TRUE(old.is_shut_down(kDecember));
    EXPECT_TRUE(model_of("openai", "dall-e-3").is_shut_down(0)) << "by its status alone";
}

TEST(Catalogue, BuiltInOneTellsOpenAisModelsApart) {
    const struct {
        const char *model;
        bool free_sizes;
        bool transparent;
        bool max_quality;
    } kRows[] = {
        {"gpt-image-2.5-sunburst", true, true, true},
        {"gpt-image-2.5-sunburst-2026-09-08", true, true, true},
        {"gpt-image-2.5-flare", true, true, true},
        {"gpt-image-2", true, false, false},
        {"gpt-image-2-2026-04-21", true, false, false},
        {"gpt-image-1.5", false, true, false},
        {"gpt-image-1-mini", false, true, false},
        {"chatgpt-image-latest", false, true, false},
    };
    for (const auto &row : kRows) {
        SCOPED_TRACE(row.model);
        EXPECT_TRUE(built_in().lists("openai", "openai", row.model));
        const ModelSpec &model = model_of("openai", row.model);
        EXPECT_TRUE(model.size.automatic);
        EXPECT_EQ(model.size.allows({2048, 1152}), row.free_sizes);
        EXPECT_TRUE(model.size.allows({1024, 1536}));
        EXPECT_EQ(offers(model, Param::background, "transparent"), row.transparent);
        EXPECT_EQ(offers(model, Param::quality, "max"), row.max_quality);
        EXPECT_FALSE(model[Param::response_format]);
        EXPECT_FALSE(model[Param::style]);
        EXPECT_EQ(model[Param::prompt]->max_length, 32000);
        EXPECT_FALSE(model.returns.url);
    }
}

TEST(Catalogue, TakesTheFirstRowThatMatches) {
    const Catalogue catalogue = read_catalogue(
        R"({"apis":{"x":[{"model":"flux-pro","parameters":{"seed":{}}},{"model":"flux-*"}]}})");
    EXPECT_TRUE((*catalogue.find("p", "x", "flux-pro"))[Param::seed]);
    EXPECT_FALSE((*catalogue.find("p", "x", "flux-pro-2"))[Param::seed]);
    EXPECT_EQ(catalogue.find("p", "x", "sdxl"), nullptr);
}

TEST(Catalogue, ARowIsItsFamilyWithItsOwnMembersInTheirPlace) {
    const Catalogue catalogue = read_catalogue(R"({
        "families": {
          "base": {"operations":["generate","edit"], "returns":{"form":"url","lifetime":60},
            "status":"deprecated", "shutdown":"2030-01-01", "price":{"per_image":[{"usd":1}]},
            "parameters":{"prompt":{"max_length":9},"seed":{},"quality":{"choices":["low","high"]}}},
          "child": {"family":"base", "parameters":{"quality":{"choices":["hd"]}}}},
        "apis": {"x": [
          {"model":"same","family":"child"},
          {"model":"own","family":"child","operations":["stream"],"returns":{"form":"b64_json"},
           "price":null,"status":"current","parameters":{"seed":null,"user":{},"prompt":{}}}]}})");
    const ModelSpec &same = *catalogue.find("p", "x", "same");
    EXPECT_TRUE(same.can(Operation::generate) && same.can(Operation::edit));
    EXPECT_EQ(same[Param::prompt]->max_length, 9);
    EXPECT_TRUE(same[Param::seed]);
    EXPECT_EQ(same[Param::quality]->choices, std::vector<std::string>{"hd"});
    EXPECT_EQ(same.returns.lifetime, 60);
    EXPECT_EQ(same.shutdown, "2030-01-01");
    ASSERT_TRUE(same.price);
    EXPECT_EQ(same.price->per_image.front().usd, 1'000'000);

    const ModelSpec &own = *catalogue.find("p", "x", "own");
    EXPECT_TRUE(own.can(Operation::stream));
    EXPECT_FALSE(own.can(Operation::generate)) << "a list takes the place of the other list";
    EXPECT_FALSE(own[Param::seed]) << "null takes it away";
    EXPECT_FALSE(own[Param::prompt]->max_length) << "a parameter is replaced as a whole";
    EXPECT_TRUE(own[Param::user] && own[Param::quality]);
    EXPECT_FALSE(own.price);
    EXPECT_FALSE(own.returns.url);
    EXPECT_FALSE(own.returns.lifetime);
    EXPECT_EQ(own.status, ModelStatus::current);
}

TEST(Catalogue, ARemovedParameterLeavesNothingOfItsGeometryBehind) {
    const Catalogue catalogue = read_catalogue(R"({
        "families":{"f":{"parameters":{"size":{"auto":true,"sizes":["8x8"]},
          "aspect_ratio":{"ratios":["1:1"]},"resolution":{"tiers":["1K"],"standard":"1K"}}}},
        "apis":{"x":[{"model":"m","family":"f","parameters":
          {"size":null,"aspect_ratio":null,"resolution":null}}]}})");
    const ModelSpec &model = *catalogue.find("p", "x", "m");
    EXPECT_TRUE(model.size.takes_any());
    EXPECT_FALSE(model.size.automatic);
    EXPECT_TRUE(model.ratio.list.empty());
    EXPECT_TRUE(model.tier.list.empty());
    EXPECT_EQ(model.tier.standard, "") << "prices would go by it";
}

TEST(Catalogue, AnOverlaysRowsComeFirstAndLeaveTheBaseAsItWas) {
    const Catalogue overlay = read_catalogue(R"({
        "families":{"mine":{"family":"gpt-image-2","parameters":{"style":{"fold":"Style: {}."}}}},
        "apis":{"openai":[{"model":"gpt-image-2","family":"mine"},
                          {"model":"our-model","family":"mine"}],
                "brand-new":[{"model":"*"}]}})",
                                             &built_in());
    EXPECT_TRUE((*overlay.find("p", "openai", "gpt-image-2"))[Param::style]);
    EXPECT_TRUE((*overlay.find("p", "openai", "gpt-image-2"))[Param::quality]);
    EXPECT_TRUE(overlay.lists("p", "openai", "our-model"));
    EXPECT_FALSE((*overlay.find("p", "openai", "gpt-image-2-2026-04-21"))[Param::style]);
    EXPECT_TRUE(overlay.find("p", "sandbox", "placeholder"));
    EXPECT_TRUE(overlay.find("p", "brand-new", "x"));
    EXPECT_FALSE(model_of("openai", "gpt-image-2")[Param::style]);
    EXPECT_FALSE(built_in().lists("p", "openai", "our-model"));
    EXPECT_EQ(built_in().find("p", "brand-new", "x"), nullptr);
}

TEST(Catalogue, AProvidersOwnRowsComeBeforeThoseOfItsApi) {
    const Catalogue catalogue = read_catalogue(R"({
        "apis":{"x":[{"model":"a"},{"model":"b"},{"model":"*"}]},
        "providers":{"azure":[{"model":"b","parameters":{"seed":{}}},{"model":"our-*"}]}})");
    EXPECT_TRUE((*catalogue.find("azure", "x", "b"))[Param::seed]);
    EXPECT_FALSE((*catalogue.find("other", "x", "b"))[Param::seed]);
    EXPECT_EQ(catalogue.find("azure", "x", "a")->pattern, "a");
    EXPECT_TRUE(catalogue.lists("azure", "x", "our-deployment"));
    EXPECT_FALSE(catalogue.lists("other", "x", "our-deployment"));
}

TEST(Catalogue, NamesTheModelsThatCountAndNoPatterns) {
    const Catalogue catalogue = read_catalogue(R"({
        "apis":{"x":[{"model":"a"},{"model":"b-*"},{"model":"b-1"},{"model":"c"},{"model":"*"}]},
        "providers":{"azure":[{"model":"c"},{"model":"d"},{"model":"e*"}]}})");
    EXPECT_EQ(names_of(catalogue.named("other", "x")), "a c");
    EXPECT_EQ(names_of(catalogue.named("azure", "x")), "c d a");
    EXPECT_EQ(names_of(catalogue.named("azure", "unheard-of")), "c d");
    EXPECT_EQ(names_of(catalogue.named("nobody", "unheard-of")), "");
    EXPECT_EQ(names_of(built_in().named("s", "sandbox")), "placeholder");
}

TEST(Catalogue, ApisMayHaveTheModelsOfAnother) {
    const Catalogue base =
        read_catalogue(R"({"apis":{"a":[{"model":"m"},{"model":"*"}],"b":"a"}})");
    EXPECT_EQ(base.find("", "b", "m"), base.find("", "a", "m"));
    EXPECT_TRUE(base.lists("", "b", "m"));
    EXPECT_EQ(names_of(base.named("", "b")), "m");
    // Whichever of them is written to.
    const Catalogue more = read_catalogue(R"({"apis":{"b":[{"model":"n"}]}})", &base);
    EXPECT_EQ(names_of(more.named("", "a")), "n m");
    EXPECT_EQ(names_of(more.named("", "b")), "n m");
}

}  // namespace
}  // namespace gateway

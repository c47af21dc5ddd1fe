// catalog.json: the built-in one is sound, and a mistake in another is told by its place.
#include "core/catalog/catalog.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

Catalogue built_in() {
    auto read = Catalogue::read(Catalogue::built_in());
    EXPECT_TRUE(read) << read.error();
    return std::move(*read);
}

std::string with_param(const std::string &name, const std::string &spec) {
    return R"({"parameter_sets":{"s":{")" + name + "\":" + spec +
           R"(}},"apis":{"openai":[{"model":"*","parameters":"s"}]}})";
}

std::string with_row(const std::string &row) {
    return R"({"parameter_sets":{"s":{}},"apis":{"openai":[{"model":"m","parameters":"s"},)" + row +
           "]}}";
}

std::string mistake_in(const std::string &text) {
    const auto read = Catalogue::read(text);
    return read ? "none" : read.error();
}

TEST(Catalogue, BuiltInOneKnowsEveryApisLastResort) {
    const Catalogue catalogue = built_in();
    for (const char *api : {"openai", "sandbox"}) {
        const ModelSpec *any = catalogue.find(api, "a-model-that-nobody-listed");
        ASSERT_NE(any, nullptr) << api;
        EXPECT_EQ(any->pattern, "*");
        EXPECT_FALSE(catalogue.lists(api, "a-model-that-nobody-listed"));
        EXPECT_TRUE((*any->parameters)[Param::prompt]);
    }
    EXPECT_EQ(catalogue.find("midjourney", "v8"), nullptr);
    EXPECT_FALSE(catalogue.lists("midjourney", "v8"));
}

TEST(Catalogue, BuiltInOneTellsOpenAisModelsApart) {
    const Catalogue catalogue = built_in();
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
        EXPECT_TRUE(catalogue.lists("openai", row.model));
        const ParameterSet &set = *catalogue.find("openai", row.model)->parameters;
        const auto offers = [&](Param param, const char *word) {
            const auto &choices = set[param]->choices;
            return std::find(choices.begin(), choices.end(), word) != choices.end();
        };
        EXPECT_EQ(set[Param::size]->allows_size("2048x1152"), row.free_sizes);
        EXPECT_TRUE(set[Param::size]->allows_size("1024x1536"));
        EXPECT_EQ(offers(Param::background, "transparent"), row.transparent);
        EXPECT_EQ(offers(Param::quality, "max"), row.max_quality);
        EXPECT_FALSE(set[Param::response_format]);
        EXPECT_FALSE(set[Param::style]);
        EXPECT_EQ(set[Param::prompt]->max_length, 32000);
    }
}

TEST(Catalogue, TakesTheFirstRowThatMatches) {
    const auto read = Catalogue::read(
        R"({"parameter_sets":{"a":{"seed":{}},"b":{}},
            "apis":{"x":[{"model":"flux-pro","parameters":"a"},{"model":"flux-*","parameters":"b"}]}})");
    ASSERT_TRUE(read) << read.error();
    EXPECT_TRUE((*read->find("x", "flux-pro")->parameters)[Param::seed]);
    EXPECT_FALSE((*read->find("x", "flux-pro-2")->parameters)[Param::seed]);
    EXPECT_EQ(read->find("x", "sdxl"), nullptr);
}

TEST(Catalogue, TellsAMistakeByItsPlace) {
    const struct {
        std::string text;
        const char *starts;
    } kRows[] = {
        {"", "is not valid JSON"},
        {"{", "is not valid JSON near byte"},
        {"[]", "$ must be an object"},
        {R"({"parameter_sets":{"s":[]},"apis":{}})", "$.parameter_sets.s must be an object"},
        {with_param("colour", "{}"), "$.parameter_sets.s.colour is not a parameter"},
        {with_param("n", "7"), "$.parameter_sets.s.n must be an object"},
        {with_param("n", R"({"most":10})"), "$.parameter_sets.s.n.most is not known"},
        {with_param("n", R"({"max":"10"})"), "$.parameter_sets.s.n.max must be an integer"},
        {with_param("n", R"({"max":-1})"), "$.parameter_sets.s.n.max must be an integer"},
        {with_param("n", R"({"min":1.5})"), "$.parameter_sets.s.n.min must be an integer"},
        {with_param("prompt", R"({"max_length":null})"), "$.parameter_sets.s.prompt.max_length"},
        {with_param("quality", R"({"choices":"low"})"), "$.parameter_sets.s.quality.choices must"},
        {with_param("quality", R"({"choices":["low",7]})"), "$.parameter_sets.s.quality.choices"},
        {with_param("quality", R"({"aliases":["hd"]})"), "$.parameter_sets.s.quality.aliases must"},
        {with_param("size", R"({"sizes":"auto"})"), "$.parameter_sets.s.size.sizes must be"},
        {with_param("size", R"({"max_ratio":0.5})"), "$.parameter_sets.s.size.max_ratio must be"},
        {with_param("size", R"({"max_side":"4096"})"), "$.parameter_sets.s.size.max_side must be"},
        {with_row(R"({"parameters":"s"})"), "$.apis.openai[1] must name a model"},
        {with_row(R"({"model":"x","parameters":"t"})"), "$.apis.openai[1] must name a model"},
        {with_row("7"), "$.apis.openai[1] must be an object"},
    };
    for (const auto &row : kRows) {
        const std::string mistake = mistake_in(row.text);
        EXPECT_TRUE(mistake.starts_with(row.starts)) << row.text << "\n  " << mistake;
    }
}

// Each of these would otherwise be read as something that its writer did not mean.
TEST(Catalogue, RefusesWhatItWouldHaveToIgnore) {
    const struct {
        std::string text;
        const char *place;
    } kRows[] = {
        {R"({"parameter_sets":[]})", "$.parameter_sets"},
        {R"({"parameter_sets":{},"apis":7})", "$.apis"},
        {R"({"parameter_sets":{},"apis":{"openai":"x"}})", "$.apis.openai"},
        {R"({"parameter_set":{}})", "parameter_set"},
        {with_row(R"({"model":"x","parameters":"s","price":1})"), "$.apis.openai[1]"},
        {with_param("quality", R"({"choices":["low"],"aliases":{"hd":7}})"),
         "$.parameter_sets.s.quality.aliases"},
        {with_param("quality", R"({"choices":["low"],"aliases":{"hd":"high"}})"),
         "$.parameter_sets.s.quality.aliases"},
        {with_param("n", R"({"min":5,"max":1})"), "$.parameter_sets.s.n"},
        {with_param("size", R"({"multiple_of":0})"), "$.parameter_sets.s.size.multiple_of"},
    };
    for (const auto &row : kRows) {
        const std::string mistake = mistake_in(row.text);
        EXPECT_NE(mistake.find(row.place), std::string::npos) << row.text << "\n  " << mistake;
    }
}

TEST(Catalogue, HoldsSizesToARuleWhateverPartOfItIsGiven) {
    const struct {
        const char *spec;
        const char *allowed;
        const char *refused;
    } kRows[] = {
        {R"({"max_side":1000})", "1000x1000", "1001x1"},
        {R"({"min_area":100})", "10x10", "9x11"},
        {R"({"max_area":100})", "10x10", "101x1"},
        {R"({"max_ratio":2})", "20x10", "21x10"},
        {R"({"max_ratio":2.5})", "10x25", "10x26"},
        {R"({"sizes":["7x7"],"max_area":10})", "7x7", "4x3"},
        {R"({"multiple_of":16,"max_side":4096})", "1024x16", "1024x17"},
        {R"({"multiple_of":16})", "1024x1024", "1023x1024"},
    };
    for (const auto &row : kRows) {
        const auto read = Catalogue::read(with_param("size", row.spec));
        ASSERT_TRUE(read) << read.error();
        const ParamSpec &spec = *(*read->find("openai", "m")->parameters)[Param::size];
        EXPECT_TRUE(spec.allows_size(row.allowed)) << row.spec;
        EXPECT_FALSE(spec.allows_size(row.refused)) << row.spec;
    }
}

}  // namespace
}  // namespace gateway

// A mistake in a catalogue is reported with its JSON path, and nothing is ignored.
#include <gtest/gtest.h>

#include <string>

#include "catalogues.h"

namespace gateway {
namespace {

void expect_mistake(const std::string &text, const std::string &starts) {
    const auto read = Catalogue::read(text);
    const std::string mistake = read ? "none" : read.error();
    EXPECT_TRUE(mistake.starts_with(starts)) << text << "\n  " << mistake;
}

std::string priced(const std::string &price) {
    return one_model("\"price\":" + price);
}

TEST(CatalogueMistakes, InItsBuildAreTold) {
    const struct {
        std::string text;
        const char *starts;
    } kRows[] = {
        {"", "is not valid JSON"},
        {"{", "is not valid JSON near byte"},
        {"[]", "$ must be an object"},
        {R"({"parameter_sets":{}})", "$ has a member \"parameter_sets\", which is not known"},
        {R"({"families":[]})", "$.families must be an object"},
        {R"({"families":{"f":7}})", "$.families.f must be an object"},
        {R"({"families":{"f":{"model":"m"}}})", "$.families.f is a family and has no \"model\""},
        {R"({"families":{"f":{"family":"g"},"g":{}}})",
         "$.families.f.family is not the name of a family: \"g\""},
        {R"({"apis":7})", "$.apis must be an object"},
        {R"({"apis":{"x":{}}})", "$.apis.x must be an array"},
        {R"({"apis":{"x":"y"}})", "$.apis.x is not an api with rows that come before it: \"y\""},
        {R"({"apis":{"x":"x"}})", "$.apis.x is not an api with rows that come before it: \"x\""},
        {R"({"apis":{"x":[7]}})", "$.apis.x[0] must be an object"},
        {R"({"apis":{"x":[{"model":"m"},{}]}})", "$.apis.x[1] must have a \"model\""},
        {R"({"apis":{"x":[{"model":""}]}})", "$.apis.x[0].model must be a string"},
        {R"({"apis":{"x":[{"model":"m","family":"f"}]}})",
         "$.apis.x[0].family is not the name of a family"},
        {R"({"apis":{"x":[{"model":"m","family":7}]}})",
         "$.apis.x[0].family is not the name of a family"},
        {R"({"providers":{"p":[{"model":7}]}})", "$.providers.p[0].model must be a string"},
        {one_model(R"("pricing":{})"), "$.apis.x[0] has a member \"pricing\""},
        {one_model(R"("status":"retired")"), "$.apis.x[0].status must be one of"},
        {one_model(R"("shutdown":"soon")"), "$.apis.x[0].shutdown must be a date"},
        {one_model(R"("released":"2026-13-01")"), "$.apis.x[0].released must be a date"},
        {one_model(R"("returns":{"form":"link"})"), "$.apis.x[0].returns.form must be"},
        {one_model(R"("returns":{"form":"url","lifetime":0})"), "$.apis.x[0].returns.lifetime"},
        {one_model(R"("returns":{"form":"url","seconds":1})"), "$.apis.x[0].returns has a member"},
        {one_model(R"("inputs":{"excludes":[]})"), "$.apis.x[0].inputs.excludes must be"},
        {one_model(R"("inputs":{"excludes":["seed","n"]})"),
         "$.apis.x[0].inputs.excludes[1] must be a parameter other than"},
        {one_model(R"("inputs":{"excludes":["prompt"]})"), "$.apis.x[0].inputs.excludes[0] must"},
        {one_model(R"("inputs":{"variation_excludes":["n"]})"),
         "$.apis.x[0].inputs.variation_excludes[0] must"},
        {one_model(R"("inputs":{"mask":{"kind":"white","excludes":["prompt"]}})"),
         "$.apis.x[0].inputs.mask.excludes[0] must"},
        {one_model(R"("inputs":{"excludes":["colour"]})"), "$.apis.x[0].inputs.excludes[0] must"},
        {R"({"apis":{"x":[{"model":"m","operations":[]}]}})", "$.apis.x[0].operations must be"},
        {R"({"apis":{"x":[{"model":"m","operations":["edit","paint"]}]}})",
         "$.apis.x[0].operations[1] must be one of"},
    };
    for (const auto &row : kRows) {
        expect_mistake(row.text, row.starts);
    }
}

TEST(CatalogueMistakes, InParametersAreTold) {
    const std::string kIn = "$.apis.x[0].parameters.";
    const struct {
        const char *parameters;
        const char *starts;  // behind "parameters."
    } kRows[] = {
        {R"("colour":{})", "colour is not a parameter"},
        {R"("n":7)", "n must be an object"},
        {R"("n":{"most":10})", "n.most is not known"},
        {R"("n":{"max":"10"})", "n.max must be a number"},
        {R"("n":{"min":5,"max":1})", "n.min is above max"},
        {R"("prompt":{"max_length":null})", "prompt.max_length must be an integer from 1"},
        {R"("prompt":{"max_length":0})", "prompt.max_length must be an integer from 1"},
        {R"("quality":{"choices":"low"})", "quality.choices must be an array"},
        {R"("quality":{"choices":[]})", "quality.choices must be an array"},
        {R"("quality":{"choices":["low",7]})", "quality.choices[1] must be a string"},
        {R"("quality":{"aliases":["hd"]})", "quality.aliases must be an object"},
        {R"("quality":{"choices":["low"],"aliases":{"hd":7}})", "quality.aliases.hd must be"},
        {R"("quality":{"choices":["low"],"aliases":{"hd":"high"}})",
         "quality.aliases.hd is not one of"},
        {R"("style":{"fold":"Style."})", "style.fold must contain {} in"},
        {R"("style":{"fold":""})", "style.fold must be a string"},
        {R"("size":{"sizes":"auto"})", "size.sizes must be an array"},
        {R"("size":{"sizes":["8x8","auto"]})", "size.sizes[1] must be a size"},
        {R"("size":{"auto":1})", "size.auto must be true or false"},
        {R"("size":{"max_ratio":0.5})", "size.max_ratio must be at least 1"},
        {R"("size":{"max_side":"4096"})", "size.max_side must be an integer"},
        {R"("size":{"max_side":16385})", "size does not allow any size"},
        {R"("size":{"min_side":9,"max_side":8})", "size does not allow any size"},
        {R"("size":{"min_area":9,"max_area":8})", "size does not allow any size"},
        {R"("size":{"multiple_of":0})", "size.multiple_of must be an integer from 1"},
        {R"("size":{"tiers":["1K"]})", "size.tiers is not known"},
        {R"("aspect_ratio":{"ratios":["16x9"]})", "aspect_ratio.ratios[0] must be a ratio"},
        {R"("aspect_ratio":{"min":"7:3","max":"3:7"})", "aspect_ratio.min is above max"},
        {R"("aspect_ratio":{"list":[]})", "aspect_ratio.list is not known"},
        {R"("resolution":{})", "resolution must list \"tiers\""},
        {R"("resolution":{"tiers":["big"]})", "resolution.tiers[0] must be a tier"},
        {R"("resolution":{"tiers":["1K"],"standard":"2K"})", "resolution.standard is not one of"},
        {R"("resolution":{"tiers":["1K"],"default":"1K"})", "resolution.default is not known"},
    };
    for (const auto &row : kRows) {
        expect_mistake(with_parameters(row.parameters), kIn + row.starts);
    }
}

TEST(CatalogueMistakes, InPricesAreTold) {
    const std::string kIn = "$.apis.x[0].price";
    const struct {
        const char *price;
        const char *starts;
    } kRows[] = {
        {"7", " must be an object"},
        {"{}", " must have one of"},
        {R"({"per_image":[{"usd":1}],"per_megapixel":{"first":1}})", " must have one of"},
        {R"({"per_second":1})", " has a member \"per_second\""},
        {R"({"per_image":[]})", ".per_image must be an array"},
        {R"({"per_image":[{"usd":1},{}]})", ".per_image[1].usd must be an amount"},
        {R"({"per_image":[{"usd":"0.04"}]})", ".per_image[0].usd must be an amount"},
        {R"({"per_image":[{"usd":-1}]})", ".per_image[0].usd must be an amount"},
        {R"({"per_image":[{"usd":1000.1}]})", ".per_image[0].usd must be an amount"},
        {R"({"per_image":[{"usd":0.0000001}]})", ".per_image[0].usd must be an amount"},
        {R"({"per_image":[{"size":1,"usd":1}]})", ".per_image[0].size must be a string"},
        {R"({"per_image":[{"usd":1,"n":1}]})", ".per_image[0] has a member \"n\""},
        {R"({"per_megapixel":{}})", ".per_megapixel.first must be an amount"},
        {R"({"per_megapixel":{"first":1,"second":1}})", ".per_megapixel has a member"},
        {R"({"per_million_tokens":{"image":1}})", ".per_million_tokens has a member"},
        {R"({"per_million_tokens":{},"output_tokens":[{}]})", ".output_tokens[0].tokens must be"},
        {R"({"per_million_tokens":{},"output_tokens":7})", ".output_tokens must be an array"},
        {R"({"per_million_tokens":{},"output_tokens":{"grid":{"low":0}}})",
         ".output_tokens.grid.low must be"},
        {R"({"per_million_tokens":{},"output_tokens":{"grid":{"low":4097}}})",
         ".output_tokens.grid.low must be at most 4096"},
        {R"({"per_million_tokens":{},"partial_tokens":0})", ".partial_tokens must be"},
        {R"({"per_image":[{"usd":1}],"at_most":1})", ".at_most must be true or false"},
    };
    for (const auto &row : kRows) {
        expect_mistake(priced(row.price), kIn + row.starts);
    }
}

// A model that makes 0 images per call would make fitting loop forever.
TEST(CatalogueMistakes, AModelThatMakesNoImageAtATimeIsOne) {
    for (const char *max : {"0", "-1", "0.5"}) {
        const auto read =
            Catalogue::read(with_parameters(R"("n":{"max":)" + std::string(max) + "}"));
        EXPECT_FALSE(read) << "n.max " << max;
    }
}

TEST(CatalogueMistakes, SizesAreHeldToARuleWhateverPartOfItIsGiven) {
    const struct {
        const char *spec;
        Pixels allowed;
        Pixels refused;
    } kRows[] = {
        {R"({"max_side":1000})", {1000, 1000}, {1001, 1}},
        {R"({"min_side":10})", {10, 11}, {9, 11}},
        {R"({"min_area":100})", {10, 10}, {9, 11}},
        {R"({"max_area":100})", {10, 10}, {101, 1}},
        {R"({"max_ratio":2})", {20, 10}, {21, 10}},
        {R"({"max_ratio":2.5})", {10, 25}, {10, 26}},
        {R"({"sizes":["7x7"],"max_area":10})", {7, 7}, {4, 3}},
        {R"({"sizes":["7x7"]})", {7, 7}, {4, 3}},
        {R"({"multiple_of":16,"max_side":4096})", {1024, 16}, {1024, 17}},
        {R"({"multiple_of":16})", {1024, 1024}, {1023, 1024}},
    };
    for (const auto &row : kRows) {
        const ModelSpec model = model_taking(R"("size":)" + std::string(row.spec));
        EXPECT_TRUE(model.size.allows(row.allowed)) << row.spec;
        EXPECT_FALSE(model.size.allows(row.refused)) << row.spec;
    }
    EXPECT_TRUE(model_taking(R"("size":{"auto":true})").size.allows({1, 16384}));
}

}  // namespace
}  // namespace gateway

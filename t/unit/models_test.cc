// The list of models: which a caller may use, what each can do and what it costs.
#include "core/response/models.h"

#include <gtest/gtest.h>

#include "read_json.h"
#include "routing_world.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'795'000'000;  // in November 2026

class ModelsTest : public RoutingTest {
 protected:
    ReadJson list(int64_t now = kNow) {
        return ReadJson(write_models({map, *map.catalogue(), caller}, now));
    }
    ReadJson one(std::string_view name, int64_t now = kNow) {
        const auto written = write_model({map, *map.catalogue(), caller}, name, now);
        EXPECT_TRUE(written) << written.error().message;
        return ReadJson(written ? *written : "{}");
    }
    std::string ids() {
        const ReadJson json = list();
        EXPECT_EQ(json["object"].string(), "list");
        std::string ids;
        for (const JsonValue model : json["data"]) {
            ids += (ids.empty() ? "" : " ") + std::string(model["id"].string());
        }
        return ids;
    }
    // The status and code for a name that cannot be had.
    std::string refusal(std::string_view name) {
        const auto written = write_model({map, *map.catalogue(), caller}, name, kNow);
        return written ? "none"
                       : std::to_string(written.error().status) + " " + written.error().code;
    }
    // As text, without the commas and quotes.
    static std::string texts(JsonValue array) {
        std::string all;
        for (const JsonValue item : array) {
            all += (all.empty() ? "" : " ") + std::string(item.string());
        }
        return all;
    }
    void use_few_models() {
        use_catalogue(R"({"apis":{
            "openai":[{"model":"big"},{"model":"pattern-*"},{"model":"small"},{"model":"*"}],
            "sandbox":[{"model":"placeholder"},{"model":"*"}]},
            "providers":{"azure":[{"model":"ours"}]}})");
    }
};

TEST_F(ModelsTest, AreListedAliasesFirstAndThenByProvider) {
    use_few_models();
    add_alias("z-alias", {{"openai/big"}});
    add_alias("a-alias", {{"z-alias"}, {"azure/ours"}});
    EXPECT_EQ(ids(),
              "a-alias z-alias sandbox/placeholder openai/big openai/small azure/ours azure/big "
              "azure/small");
}

TEST_F(ModelsTest, AreOnlyThoseThatTheCallerMayUse) {
    use_few_models();
    add_alias("both", {{"openai/big"}, {"azure/ours"}});
    add_alias("theirs", {{"openai/small"}});
    caller_for({"azure/*"});
    EXPECT_EQ(ids(), "both azure/ours azure/big azure/small");
    caller_for({"theirs"});
    EXPECT_EQ(ids(), "theirs");
    caller_for({"nothing-there"});
    EXPECT_EQ(ids(), "");
    caller_for({"*"});
    EXPECT_NE(ids().find("sandbox/placeholder"), std::string::npos);
}

TEST_F(ModelsTest, AreListedForAKeyThatNamesThemBare) {
    use_few_models();
    caller_for({"big"});
    EXPECT_EQ(refusal("big"), "none");
    EXPECT_NE(ids(), "");
}

TEST_F(ModelsTest, AnAliasTakesThePlaceOfAModelOfItsName) {
    use_few_models();
    add_alias("openai/big", {{"azure/ours"}});
    EXPECT_EQ(ids(),
              "openai/big sandbox/placeholder openai/small azure/ours azure/big azure/small");
}

TEST_F(ModelsTest, AnAliasShowsItsMembers) {
    add_alias("inner", {{"openai/gpt-image-2", 3}, {"azure/b", 1}}, AliasMode::weighted);
    add_alias("outer", {{"inner"}, {"sandbox/placeholder"}});
    const ReadJson outer = one("outer");
    EXPECT_EQ(keys_of(outer.root()), "id object created owned_by alias");
    EXPECT_EQ(outer["object"].string(), "model");
    EXPECT_EQ(outer["alias"]["mode"].string(), "ordered");
    EXPECT_EQ(outer["alias"]["models"].at(0)["model"].string(), "inner");
    EXPECT_FALSE(outer["alias"]["models"].at(0)["weight"]);
    const ReadJson inner = one("inner");
    EXPECT_EQ(inner["alias"]["mode"].string(), "weighted");
    EXPECT_EQ(inner["alias"]["models"].at(0)["weight"].integer(), 3);
    EXPECT_EQ(inner["alias"]["models"].size(), 2U);
}

TEST_F(ModelsTest, OneIsFoundUnderEveryNameThatARequestMightUse) {
    for (const char *name : {"openai/gpt-image-2", "openai:gpt-image-2", "gpt-image-2"}) {
        EXPECT_EQ(one(name)["id"].string(), "openai/gpt-image-2") << name;
    }
    const ReadJson json = one("azure/nobody-listed-it");
    EXPECT_EQ(json["id"].string(), "azure/nobody-listed-it");
    EXPECT_EQ(json["owned_by"].string(), "azure");
    EXPECT_EQ(json["created"].integer(), 0);
    EXPECT_TRUE(json["pricing"].is(JsonKind::null)) << "unknown is never 0";
}

TEST_F(ModelsTest, WhatOneMayNotUseIsNotThere) {
    add_alias("auto", {{"openai/gpt-image-2"}});
    EXPECT_EQ(refusal("nobody/x"), "404 model_not_found");
    EXPECT_EQ(refusal(""), "404 model_not_found");
    caller_for({"azure/*"});
    EXPECT_EQ(refusal("openai/gpt-image-2"), "404 model_not_found");
    EXPECT_EQ(refusal("gpt-image-2"), "404 model_not_found");
    EXPECT_EQ(refusal("auto"), "404 model_not_found");
    EXPECT_EQ(refusal("azure/x"), "none");
    caller_for({"auto"});
    EXPECT_EQ(refusal("auto"), "none");
    EXPECT_EQ(refusal("openai/gpt-image-2"), "404 model_not_found");
}

TEST_F(ModelsTest, DescribeTheirParameters) {
    const ReadJson json = one("gpt-image-2");
    EXPECT_EQ(
        keys_of(json.root()),
        "id object created owned_by status operations supported_parameters inputs returns pricing");
    EXPECT_EQ(json["created"].integer(), 1'776'729'600) << "2026-04-21";
    EXPECT_EQ(json["status"].string(), "current");
    EXPECT_EQ(texts(json["operations"]), "generate edit stream");
    EXPECT_EQ(json["returns"]["form"].string(), "b64_json");
    const JsonValue params = json["supported_parameters"];
    EXPECT_EQ(keys_of(params),
              "prompt n size quality background output_format output_compression "
              "moderation partial_images user");
    EXPECT_EQ(params["prompt"]["type"].string(), "string");
    EXPECT_EQ(params["prompt"]["max_length"].integer(), 32000);
    EXPECT_EQ(params["n"]["type"].string(), "range");
    EXPECT_EQ(params["n"]["max"].integer(), 10);
    EXPECT_EQ(params["quality"]["type"].string(), "enum");
    EXPECT_EQ(texts(params["quality"]["values"]), "auto low medium high");
    const JsonValue size = params["size"];
    EXPECT_EQ(keys_of(size), "type auto multiple_of max_side min_area max_area max_ratio");
    EXPECT_EQ(size["auto"].boolean(), true);
    EXPECT_EQ(size["max_area"].integer(), 8'294'400);
    EXPECT_EQ(texts(one("gpt-image-1.5")["supported_parameters"]["size"]["values"]),
              "1024x1024 1536x1024 1024x1536");
}

TEST_F(ModelsTest, DescribeShapesInTheModelsOwnWords) {
    use_catalogue(R"({"apis":{"openai":[{"model":"m","operations":["generate"],
        "returns":{"form":"url","lifetime":600}, "parameters":{
        "aspect_ratio":{"ratios":["1:1","21:9"]}, "resolution":{"tiers":["1k","2k"],"standard":"1k"},
        "style":{"fold":"In {}."}}}]}})");
    const ReadJson json = one("openai/m");
    const JsonValue params = json["supported_parameters"];
    EXPECT_EQ(params["aspect_ratio"]["type"].string(), "ratio");
    EXPECT_EQ(texts(params["aspect_ratio"]["values"]), "1:1 21:9");
    EXPECT_EQ(texts(params["resolution"]["values"]), "1k 2k");
    EXPECT_EQ(params["resolution"]["default"].string(), "1k");
    EXPECT_EQ(params["style"]["in_prompt"].boolean(), true);
    EXPECT_EQ(json["returns"]["lifetime"].integer(), 600);
}

TEST_F(ModelsTest, TellPricesAsNumbers) {
    use_catalogue(R"({"apis":{"openai":[
        {"model":"image","price":{"per_image":[{"size":"8x8","quality":"hd","usd":0.0336},{"usd":0}]}},
        {"model":"area","price":{"per_megapixel":{"first":0.03,"further":0.015,"input":0.01},"at_most":true}},
        {"model":"tokens","price":{"per_million_tokens":{"text_in":0.5,"image_out":30}}}]}})");
    const ReadJson image = one("openai/image");
    EXPECT_EQ(keys_of(image["pricing"]["per_image"].at(0)), "size quality usd");
    EXPECT_EQ(image["pricing"]["per_image"].at(0)["usd"].number_text(), "0.0336");
    EXPECT_EQ(image["pricing"]["per_image"].at(1)["usd"].number_text(), "0");
    EXPECT_FALSE(image["pricing"]["at_most"]);
    const ReadJson area = one("openai/area");
    EXPECT_EQ(area["pricing"]["per_megapixel"]["first"].number_text(), "0.03");
    EXPECT_EQ(area["pricing"]["per_megapixel"]["further"].number_text(), "0.015");
    EXPECT_EQ(area["pricing"]["per_megapixel"]["input"].number_text(), "0.01");
    EXPECT_EQ(area["pricing"]["at_most"].boolean(), true);
    const ReadJson tokens = one("openai/tokens");
    EXPECT_EQ(keys_of(tokens["pricing"]["per_million_tokens"]), "text_in image_out");
    EXPECT_EQ(tokens["pricing"]["per_million_tokens"]["image_out"].number_text(), "30");
}

TEST_F(ModelsTest, WarnOfWhatIsShutDown) {
    const ReadJson gone = one("dall-e-3");
    EXPECT_EQ(gone["status"].string(), "shut_down");
    EXPECT_EQ(gone["shutdown"].string(), "2026-05-12");
    EXPECT_EQ(gone["warning"].string(), "This model was shut down on 2026-05-12.");
    const ReadJson soon = one("gpt-image-1.5");
    EXPECT_EQ(soon["status"].string(), "deprecated");
    EXPECT_EQ(soon["shutdown"].string(), "2026-12-01");
    EXPECT_FALSE(soon["warning"]);
    const ReadJson later = one("gpt-image-1.5", 1'796'083'200);
    EXPECT_EQ(later["status"].string(), "shut_down");
    EXPECT_TRUE(later["warning"]);
    EXPECT_FALSE(one("gpt-image-2")["shutdown"]);
}

}  // namespace
}  // namespace gateway

// Settings of a location that change an exchange: profile, unknown fields, prices, raw exchange.
#include "exchange_world.h"

namespace gateway {
namespace {

class ExchangeContractTest : public ExchangeTest {
 protected:
    void overlay(const std::string &text) {
        auto read = Catalogue::read(text, models.catalogue().get());
        ASSERT_TRUE(read) << read.error();
        models.use(std::make_shared<const Catalogue>(std::move(*read)));
    }
    // "size quality": the parameters that the answer lists
    [[nodiscard]] std::string adjusted() const {
        std::string all;
        const ReadJson json = told.json();
        for (const JsonValue one : json["extra_fields"]["adjustments"]) {
            all += (all.empty() ? "" : " ") + std::string(one["param"].string());
        }
        return all;
    }
    [[nodiscard]] std::string sent() const { return world.upstream.calls.back()->call.body.copy(); }
};

TEST_F(ExchangeContractTest, AProfilesDefaultsAreSentWhereTheyCanBeAndNeverListed) {
    policy.profile = profile_named("mka1");
    add_alias("auto", {{"a/gpt-image-2"}});
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(sent(),
              R"({"model":"gpt-image-2","prompt":"a","size":"1024x1024","quality":"auto"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(adjusted(), "");
    EXPECT_TRUE(told.json()["data"].at(0)["url"].string().starts_with("data:image/png;base64,"))
        << "url is this profile's default";
}

TEST_F(ExchangeContractTest, AProfilesDefaultModelIsTakenWhereItExists) {
    policy.profile = profile_named("mka1-2025");
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(told.status(), 400) << "no such model, and no alias auto";
    add_alias("auto", {{"a/gpt-image-2"}});
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(asked(), "a");
    add_alias("meetkai:z-image-turbo", {{"b/gpt-image-2"}});
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(asked(), "a b");
    policy.default_model = "c/gpt-image-2";
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(asked(), "a b c") << "what the operator says comes first";
}

TEST_F(ExchangeContractTest, TheModelOfThePathDoesForTheRequiredOneOfTheBody) {
    policy.profile = profile_named("mpilot");
    ask(R"({"prompt":"a"})");
    EXPECT_EQ(told.json()["error"]["code"].string(), "missing_required_parameter");
    RequestHead head;
    head.path_model = "a/gpt-image-2";
    ask(R"({"prompt":"a"})", head);
    EXPECT_EQ(asked(), "a");
}

TEST_F(ExchangeContractTest, NamedFieldsGoThroughAndTheOthersAreListed) {
    policy.unknown_fields = {UnknownFields::Mode::pass, {"lora", "model_version"}};
    ask(R"({"prompt":"a","model":"a/gpt-image-2","lora":[1.50,{"x":null}],"other":2})");
    EXPECT_EQ(sent(), R"({"model":"gpt-image-2","prompt":"a","lora":[1.50,{"x":null}]})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(adjusted(), "other");
}

TEST_F(ExchangeContractTest, AProviderThatHasNoUseForAPassedFieldIsNotSentIt) {
    policy.unknown_fields = {UnknownFields::Mode::pass, {"lora"}};
    add_provider("box", {}, "sandbox");
    ask(R"({"prompt":"a","model":"box/placeholder","size":"16x16","lora":1})");
    world.loop.advance(Milliseconds(1));
    world.tasks.run_all();
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(adjusted(), "lora");
}

TEST_F(ExchangeContractTest, AModelThatNobodyListedIsNamedOnce) {
    ask(R"({"prompt":"a","model":"a/some-model","size":"123x45","quality":"hd"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(adjusted(), "model size") << "and the fake's images are 1x1";
    ask(R"({"prompt":"a","model":"a/dall-e-3"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(adjusted(), "model");
    EXPECT_NE(told.json()["extra_fields"]["adjustments"].at(0)["reason"].string().find(
                  "shut down on 2026-05-12"),
              std::string_view::npos);
}

TEST_F(ExchangeContractTest, TheLocationsModeIsNarrowedButNotWidenedByTheRequest) {
    policy.fit = FitMode::strict;
    RequestHead head;
    head.fit = "adapt";
    ask(R"({"prompt":"a","model":"a/gpt-image-2","style":"vivid"})", head);
    EXPECT_EQ(told.status(), 400);
    policy.fit = FitMode::adapt;
    head.fit = "strict";
    ask(R"({"prompt":"a","model":"a/gpt-image-2","style":"vivid"})", head);
    EXPECT_EQ(told.status(), 400);
    EXPECT_TRUE(world.upstream.calls.empty());
}

TEST_F(ExchangeContractTest, ACandidateThatMakesNoImagesFromTextIsPassedOver) {
    overlay(R"({"providers":{"a":[{"model":"*","operations":["edit"]}]}})");
    ask(R"({"prompt":"a","model":"chain"})");
    EXPECT_EQ(asked(), "b");
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
    EXPECT_EQ(told.json()["error"]["code"].string(), "unsupported_operation");
}

TEST_F(ExchangeContractTest, TheCostFollowsTheProvidersUsage) {
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.upstream.deliver(response_of(
        200, R"({"data":[{"b64_json":")" + std::string(kPng) +
                 R"("}],"usage":{"input_tokens":14,"output_tokens":196,"total_tokens":210}})"));
    EXPECT_EQ(told.json()["extra_fields"]["cost"]["usd"].number(), 0.00595);
    EXPECT_EQ(told.json()["extra_fields"]["usage_basis"].string(), "provider");
}

TEST_F(ExchangeContractTest, UsageIsCountedWhereTheProviderTellsNoneButNoCostIsMadeUp) {
    ask(R"({"prompt":"12345678","model":"a/gpt-image-2","size":"1024x1024","quality":"low","n":2})");
    world.upstream.deliver(images(2));
    const ReadJson json = told.json();
    EXPECT_EQ(json["usage"]["input_tokens"].integer(), 2);
    EXPECT_EQ(json["usage"]["output_tokens_details"]["image_tokens"].integer(), 2 * 129)
        << "by what was made, which is 1x1";
    EXPECT_EQ(json["extra_fields"]["usage_basis"].string(), "counted");
    EXPECT_TRUE(json["extra_fields"]["cost"]["usd"].is(JsonKind::null));
}

TEST_F(ExchangeContractTest, TheWireIsShownOnlyWhereBothSidesWantIt) {
    RequestHead head;
    head.raw = "request, response";
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", head);
    world.upstream.deliver(images(1));
    EXPECT_FALSE(told.json()["extra_fields"]["raw_request"]) << "the location does not allow it";
    policy.raw = true;
    ask(R"({"prompt":"a sk-secret-a b","model":"a/gpt-image-2"})", head);
    world.upstream.deliver(images(1));
    const ReadJson json = told.json();
    const JsonValue extra = json["extra_fields"];
    EXPECT_EQ(extra["raw_request"]["prompt"].string(), "a [secret] b");
    EXPECT_EQ(extra["raw_response"]["data"].at(0)["b64_json"].string(),
              "[" + std::to_string(std::string_view(kPng).size()) + " bytes left out]");
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.upstream.deliver(images(1));
    EXPECT_FALSE(told.json()["extra_fields"]["raw_request"]) << "the request does not ask";
    head.raw = "everything";
    ask(R"({"prompt":"a","model":"a/gpt-image-2"})", head);
    EXPECT_EQ(told.status(), 400);
}

TEST_F(ExchangeContractTest, WhatTheProviderMadeInsteadIsSaid) {
    ask(R"({"prompt":"a","model":"a/gpt-image-2","quality":"high","size":"auto"})");
    world.upstream.deliver(
        response_of(200, R"({"size":"1024x1024","quality":"low","data":[{"b64_json":")" +
                             std::string(kPng) + R"("}]})"));
    EXPECT_EQ(adjusted(), "quality");
    EXPECT_EQ(told.json()["quality"].string(), "low");
}

TEST_F(ExchangeContractTest, ARequestKeepsTheCatalogueThatItBeganWith) {
    ask(R"({"prompt":"a","model":"chain","quality":"high"})");
    overlay(R"({"apis":{"openai":[{"model":"*","operations":["edit"]}]}})");
    world.upstream.deliver(response_of(429, R"({"error":{"message":"slow","type":"requests"}})"));
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(asked(), "a b");
}

}  // namespace
}  // namespace gateway

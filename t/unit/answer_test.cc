// The common form of all answers and errors.
#include "core/response/answer.h"

#include <gtest/gtest.h>

#include "fake_ports.h"
#include "read_json.h"
#include "responses.h"

namespace gateway {
namespace {

Image image_of(const char *content = kPng) {
    Image image;
    image.content = Bytes::own(content);
    image.format = ImageFormat::png;
    return image;
}

class AnswerTest : public testing::Test {
 protected:
    AnswerTest() {
        facts.request_id = "req_1";
        facts.created = 1'800'000'000;
        facts.requested_model = "auto";
        facts.latency = 1234;
        facts.history = &history;
        facts.adjustments = &adjustments;
        first.name = "first";
        second.name = "second";
        add(first, "m1", OutcomeType::unknown, "connection_lost",
            {.latency = 7, .images = 1, .may_be_billed = true});
        add(second, "m2", OutcomeType::made, "", {.latency = 1200, .images = 2});
    }
    void add(const Provider &provider, const char *model, OutcomeType type, const char *code,
             AttemptRecord record) {
        Outcome outcome;
        outcome.type = type;
        outcome.error.code = code;
        history.add({&provider, model}, outcome, std::move(record), Milliseconds(0));
    }
    FakeWorld world;
    Provider first;
    Provider second;
    History history;
    std::vector<Adjustment> adjustments;
    AnswerFacts facts;
};

TEST_F(AnswerTest, OfASuccessSaysWhatWasMadeAndByWhom) {
    Result result;
    result.images = {image_of(), image_of()};
    result.images[1].index = 1;
    result.images[1].revised_prompt = "A \"kite\".";
    result.words.size = "1024x1024";
    result.words.quality = "low";
    result.words.background = "opaque";
    result.words.output_format = "png";
    const ReadJson json(write_images(result, facts, "").copy());
    EXPECT_EQ(json["id"].string(), "req_1");
    EXPECT_EQ(json["created"].integer(), 1'800'000'000);
    EXPECT_EQ(json["model"].string(), "second/m2");
    ASSERT_EQ(json["data"].size(), 2U);
    EXPECT_EQ(keys_of(json["data"].at(0)), "b64_json index");
    EXPECT_EQ(json["data"].at(0)["b64_json"].string(), kPng);
    EXPECT_EQ(json["data"].at(1)["index"].integer(), 1);
    EXPECT_EQ(json["data"].at(1)["revised_prompt"].string(), "A \"kite\".");
    EXPECT_EQ(json["size"].string(), "1024x1024");
    EXPECT_EQ(json["quality"].string(), "low");
    EXPECT_EQ(json["background"].string(), "opaque");
    EXPECT_EQ(json["output_format"].string(), "png");
    const JsonValue extra = json["extra_fields"];
    EXPECT_EQ(extra["request_type"].string(), "image_generation");
    EXPECT_EQ(extra["provider"].string(), "second");
    EXPECT_EQ(extra["model_requested"].string(), "auto");
    EXPECT_EQ(extra["model_deployment"].string(), "m2");
    EXPECT_EQ(extra["latency"].integer(), 1234);
    EXPECT_EQ(extra["chunk_index"].integer(), 0);
    EXPECT_TRUE(extra["cost"]["usd"].is(JsonKind::null)) << "unknown is never 0";
    EXPECT_FALSE(extra["adjustments"]);
}

TEST_F(AnswerTest, ListsEveryAttempt) {
    Result result;
    result.images = {image_of()};
    const ReadJson json(write_images(result, facts, "").copy());
    const JsonValue listed = json["extra_fields"]["attempts"];
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(keys_of(listed.at(0)), "provider model outcome status code billed latency");
    EXPECT_EQ(listed.at(0)["outcome"].string(), "unknown");
    EXPECT_TRUE(listed.at(0)["status"].is(JsonKind::null)) << "it never answered";
    EXPECT_EQ(listed.at(0)["code"].string(), "connection_lost");
    EXPECT_EQ(listed.at(0)["billed"].string(), "unknown");
    EXPECT_EQ(listed.at(0)["latency"].integer(), 7);
    EXPECT_FALSE(listed.at(1)["billed"]);
    EXPECT_EQ(listed.at(1)["status"].integer(), 200);
    EXPECT_TRUE(listed.at(1)["code"].is(JsonKind::null));
}

TEST_F(AnswerTest, GivesTheFormThatWasAskedFor) {
    const auto keys = [&](Image image, std::string_view format) {
        Result result;
        result.images = {std::move(image)};
        const ReadJson json(write_images(result, facts, format).copy());
        return keys_of(json["data"].at(0));
    };
    Image link = image_of("https://host/x.png");
    link.form = Image::Form::url;
    EXPECT_EQ(keys(image_of(), ""), "b64_json index");
    EXPECT_EQ(keys(image_of(), "b64_json"), "b64_json index");
    EXPECT_EQ(keys(image_of(), "url"), "url index");
    EXPECT_EQ(keys(link, ""), "url index");
    EXPECT_EQ(keys(link, "url"), "url index");
    EXPECT_EQ(keys(link, "b64_json"), "url index");
    Result result;
    result.images = {image_of()};
    result.images[0].format = ImageFormat::webp;
    const ReadJson json(write_images(result, facts, "url").copy());
    EXPECT_EQ(json["data"].at(0)["url"].string(), std::string("data:image/webp;base64,") + kPng);
}

TEST_F(AnswerTest, SaysWhichImagesCarryContentCredentials) {
    Result result;
    result.images = {image_of(), image_of()};
    result.images[1].provenance = Provenance::c2pa;
    const std::string text = write_images(result, facts, "").copy();
    const ReadJson json(text);
    const JsonValue images = json["extra_fields"]["images"];
    EXPECT_NE(text.find(R"("provenance":null)"), std::string::npos);
    EXPECT_EQ(images.at(1)["provenance"].string(), "c2pa");
}

TEST_F(AnswerTest, TellsCostSeedsAndTheWireWhereTheyAreKnown) {
    Result result;
    result.images = {image_of(), image_of()};
    result.images[1].index = 1;
    result.images[1].seed = 42;
    facts.cost = Cost{5'950, "tokens"};
    facts.raw_request = R"({"prompt":"a"})";
    const ReadJson json(write_images(result, facts, "").copy());
    const JsonValue extra = json["extra_fields"];
    EXPECT_EQ(extra["cost"]["usd"].number(), 0.00595);
    EXPECT_EQ(extra["cost"]["basis"].string(), "tokens");
    EXPECT_EQ(keys_of(extra["images"].at(0)), "index format provenance");
    EXPECT_EQ(extra["images"].at(1)["seed"].integer(), 42);
    EXPECT_EQ(extra["raw_request"]["prompt"].string(), "a");
    EXPECT_FALSE(extra["raw_response"]);
    facts.cost = Cost{0, "image"};
    EXPECT_EQ(ReadJson(write_images(result, facts, "").copy())["extra_fields"]["cost"]["usd"]
                  .number_text(),
              "0")
        << "what is known to be free";
}

TEST_F(AnswerTest, CopiesNoImageBytes) {
    Result result;
    result.images = {image_of()};
    const char *where = result.images[0].content.slices()[0].text.data();
    const Bytes body = write_images(result, facts, "");
    ASSERT_EQ(body.slices().size(), 3U);
    EXPECT_EQ(body.slices()[1].text.data(), where);
}

TEST_F(AnswerTest, TellsUsageInOpenAisForm) {
    Result result;
    result.images = {image_of()};
    result.bill.usage = Usage{.input_tokens = 14,
                              .input_text_tokens = 10,
                              .input_image_tokens = 4,
                              .output_tokens = 196,
                              .output_image_tokens = 196,
                              .total_tokens = 210};
    const ReadJson json(write_images(result, facts, "").copy());
    const JsonValue usage = json["usage"];
    EXPECT_EQ(usage["input_tokens"].integer(), 14);
    EXPECT_EQ(usage["input_tokens_details"]["text_tokens"].integer(), 10);
    EXPECT_EQ(usage["input_tokens_details"]["image_tokens"].integer(), 4);
    EXPECT_EQ(usage["output_tokens"].integer(), 196);
    EXPECT_EQ(usage["output_tokens_details"]["image_tokens"].integer(), 196);
    EXPECT_EQ(usage["output_tokens_details"]["text_tokens"].integer(), 0);
    EXPECT_EQ(usage["total_tokens"].integer(), 210);
    result.bill.usage.output_image_tokens.reset();
    result.bill.usage.output_text_tokens = 6;
    const ReadJson bare(write_images(result, facts, "").copy());
    EXPECT_EQ(bare["usage"]["output_tokens_details"]["image_tokens"].integer(), 190);
    EXPECT_EQ(bare["usage"]["output_tokens_details"]["text_tokens"].integer(), 6);
    EXPECT_EQ(bare["extra_fields"]["usage_basis"].string(), "provider");
    facts.usage_counted = true;
    const ReadJson counted(write_images(result, facts, "").copy());
    EXPECT_EQ(counted["extra_fields"]["usage_basis"].string(), "counted");
}

TEST_F(AnswerTest, ListsAdjustmentsAsValuesNotAsTexts) {
    adjustments = {{"quality", "\"hd\"", "\"high\"", "this model's word for it"},
                   {"n", "10", "1", "the nearest"},
                   {"lora", R"({"a":[1,null]})", "null", "not a parameter"}};
    Result result;
    result.images = {image_of()};
    const ReadJson json(write_images(result, facts, "").copy());
    const JsonValue listed = json["extra_fields"]["adjustments"];
    ASSERT_EQ(listed.size(), 3U);
    EXPECT_EQ(keys_of(listed.at(0)), "param requested sent reason");
    EXPECT_EQ(listed.at(0)["sent"].string(), "high");
    EXPECT_EQ(listed.at(1)["requested"].integer(), 10);
    EXPECT_EQ(listed.at(2)["requested"]["a"].at(0).integer(), 1);
    EXPECT_TRUE(listed.at(2)["sent"].is(JsonKind::null));
}

TEST_F(AnswerTest, OfAnErrorIsWholeForEverySdk) {
    ApiError error = ApiError::of(400, "invalid_value", "size must be \"auto\".", "size");
    const ReadJson json(write_error(error, facts));
    EXPECT_EQ(keys_of(json.root()),
              "event_id type is_bifrost_error status_code error extra_fields");
    EXPECT_EQ(keys_of(json["error"]), "type code message param event_id");
    EXPECT_EQ(json["event_id"].string(), "req_1");
    EXPECT_EQ(json["type"].string(), "invalid_request_error");
    EXPECT_EQ(json["is_bifrost_error"].boolean(), true);
    EXPECT_EQ(json["status_code"].integer(), 400);
    EXPECT_EQ(json["error"]["type"].string(), "invalid_request_error");
    EXPECT_EQ(json["error"]["code"].string(), "invalid_value");
    EXPECT_EQ(json["error"]["message"].string(), "size must be \"auto\".");
    EXPECT_EQ(json["error"]["param"].string(), "size");
    EXPECT_EQ(json["error"]["event_id"].string(), "req_1");
    const JsonValue extra = json["extra_fields"];
    EXPECT_EQ(extra["provider"].string(), "second");
    EXPECT_EQ(extra["model_requested"].string(), "auto");
    EXPECT_EQ(extra["request_type"].string(), "image_generation");
    EXPECT_FALSE(extra["cost"]);
}

TEST_F(AnswerTest, OfAnErrorBeforeAnyAttemptNamesNoProvider) {
    AnswerFacts bare;
    bare.request_id = "req_2";
    ApiError error = ApiError::of(404);
    error.from_provider = true;
    const ReadJson json(write_error(error, bare));
    EXPECT_EQ(json["is_bifrost_error"].boolean(), false);
    EXPECT_TRUE(json["error"]["param"].is(JsonKind::null));
    EXPECT_FALSE(json["error"]["details"]);
    EXPECT_EQ(keys_of(json["extra_fields"]), "request_type latency");
}

TEST_F(AnswerTest, TellsAllProblemsWithTheFieldsOfARequest) {
    ApiError error = ApiError::of(400, "a", "m", "p");
    error.details = {{"p", "a", "m"}};
    EXPECT_EQ(ReadJson(write_error(error, facts))["error"]["details"].size(), 1U);
    error.details.push_back({"q", "b", "n"});
    const ReadJson json(write_error(error, facts));
    ASSERT_EQ(json["error"]["details"].size(), 2U);
    EXPECT_EQ(json["error"]["details"].at(1)["param"].string(), "q");
}

TEST(ApiErrors, HaveATypeCodeAndMessageForEveryStatus) {
    for (int status = 400; status < 600; ++status) {
        const ApiError error = ApiError::of(status);
        EXPECT_EQ(error.status, status);
        EXPECT_FALSE(error.type.empty() || error.code.empty() || error.message.empty()) << status;
    }
    EXPECT_EQ(ApiError::of(402).type, "insufficient_quota");
    EXPECT_EQ(ApiError::of(418).type, "invalid_request_error");
    EXPECT_EQ(ApiError::of(599).type, "server_error");
}

}  // namespace
}  // namespace gateway

// Facts and usage in every reply and event, in types that typed clients can read.
#include <gtest/gtest.h>

#include <array>

#include "exchange_world.h"

namespace gateway {
namespace {

class EventsTest : public ExchangeTest {
 protected:
    EventsTest() {
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[
               {"model":"one","operations":["generate"],"parameters":{"prompt":{},"n":{"max":1}}},
               {"model":"three","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":3},
                              "quality":{"choices":["low","high"]}}}]}})",
            models.catalogue().get())));
    }
    void ask_for(const std::string &body) {
        open();
        text.clear();
        exchange->run(Operation::generate, body, [this](Answer answer) {
            ++told.answers;
            text += answer.body.copy();
            told.answer = std::move(answer);
        });
    }
    void tell(const std::string &data) {
        Lifter lifter(BlockPool::create(4));
        lifter.feed(data);
        world.upstream.calls.back()->on_event({"", std::move(lifter).finish()});
    }
    void preview(const std::string &more = "") {
        tell(R"({"type":"image_generation.partial_image","partial_image_index":0,"b64_json":")" +
             std::string(kPng) + "\"" + more + "}");
    }
    void complete(const std::string &more = "") {
        tell(R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) + "\"" +
             more + "}");
    }
    void answer(size_t call, const std::string &body) {
        FakeUpstream::deliver(*world.upstream.calls.at(call), response_of(200, body));
    }
    static std::string usage(int in, int out) {
        return R"(,"usage":{"input_tokens":)" + std::to_string(in) + R"(,"output_tokens":)" +
               std::to_string(out) + R"(,"total_tokens":)" + std::to_string(in + out) + "}";
    }

    [[nodiscard]] std::vector<ReadJson> events() const {
        std::vector<ReadJson> found;
        constexpr std::string_view kData = "\ndata: ";
        for (size_t at = text.find(kData); at != std::string::npos; at = text.find(kData, at)) {
            at += kData.size();
            found.emplace_back(text.substr(at, text.find('\n', at) - at));
        }
        return found;
    }
    // "in/out/total" of each image's usage, which has all its members
    [[nodiscard]] std::string usages() const {
        std::string all;
        for (const ReadJson &event : events()) {
            const JsonValue usage = event["usage"];
            EXPECT_EQ(keys_of(usage),
                      "input_tokens input_tokens_details output_tokens output_tokens_details "
                      "total_tokens");
            all += (all.empty() ? "" : " ") + std::string(usage["input_tokens"].number_text()) +
                   "/" + std::string(usage["output_tokens"].number_text()) + "/" +
                   std::string(usage["total_tokens"].number_text());
            for (const char *side : {"input_tokens_details", "output_tokens_details"}) {
                EXPECT_EQ(keys_of(usage[side]), "image_tokens text_tokens");
            }
        }
        return all;
    }
    static std::string words_of(const ReadJson &json) {
        std::string all;
        for (const char *name : {"size", "quality", "background", "output_format"}) {
            all += (all.empty() ? "" : " ") +
                   (json[name] ? std::string(json[name].string()) : std::string("-"));
        }
        return all;
    }

    std::string text;
};

// ---- quality, background, output_format and size

TEST_F(EventsTest, AnAnswerSaysWhatWasMadeElseWhatWasSentElseAuto) {
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(words_of(told.json()), "1x1 auto auto png");
    ask(R"({"prompt":"a","model":"a/three","quality":"high"})");
    world.upstream.deliver(images(1));
    EXPECT_EQ(words_of(told.json()), "1x1 high auto png") << "what was sent";
    ask(R"({"prompt":"a","model":"a/three","quality":"high"})");
    world.upstream.deliver(response_of(
        200, images_json(1, R"(,"quality":"low","background":"opaque","output_format":"webp",
                               "size":"9x9")")));
    EXPECT_EQ(words_of(told.json()), "1x1 low opaque png") << "what was made; bytes before words";
}

TEST_F(EventsTest, TheFormatOfALinkThatNobodyFetchedIsOpen) {
    ask(R"({"prompt":"a","model":"a/one"})");
    world.upstream.deliver(response_of(200, R"({"data":[{"url":"https://host/a"}]})"));
    EXPECT_EQ(words_of(told.json()), "auto auto auto -");
    ask(R"({"prompt":"a","model":"a/gpt-image-2","output_format":"webp","size":"1024x1024"})");
    world.upstream.deliver(response_of(200, R"({"data":[{"url":"https://host/a"}]})"));
    EXPECT_EQ(words_of(told.json()), "1024x1024 auto auto webp");
}

TEST_F(EventsTest, WhatWasSentIsNeverTakenForTheProvidersWord) {
    ask(R"({"prompt":"a","model":"a/three","quality":"high"})");
    world.upstream.deliver(images(1));
    EXPECT_FALSE(told.json()["extra_fields"]["adjustments"]) << told.json().text();
}

TEST_F(EventsTest, EveryEventHasWhatItsTypeRequires) {
    ask_for(R"({"prompt":"a","model":"a/gpt-image-2","n":2,"stream":true,"partial_images":1,
               "quality":"low"})");
    preview();
    complete();
    preview();
    complete();
    const auto found = events();
    ASSERT_EQ(found.size(), 4U);
    for (const ReadJson &event : found) {
        EXPECT_EQ(words_of(event), "1x1 low auto png");
        EXPECT_TRUE(event["created_at"].integer());
        EXPECT_EQ(event["b64_json"].string(), kPng);
    }
}

TEST_F(EventsTest, WhatTheBytesOfAPreviewSayWins) {
    ask_for(R"({"prompt":"a","model":"chain","stream":true,"partial_images":1})");
    preview(R"(,"size":"1024x1024","output_format":"webp","quality":"high","background":"opaque")");
    EXPECT_EQ(words_of(events().at(0)), "1x1 high opaque png");
}

// ---- usage

TEST_F(EventsTest, EachCallsImageHasTheUsageOfItsCall) {
    ask_for(R"({"prompt":"a","model":"a/one","n":3,"stream":true})");
    answer(1, images_json(1, usage(5, 100)));
    answer(0, images_json(1, usage(5, 101)));
    answer(2, images_json(1, usage(5, 102)));
    EXPECT_EQ(usages(), "5/100/105 5/101/106 5/102/107");
}

TEST_F(EventsTest, ImagesOfOneCallShareItsUsage) {
    ask_for(R"({"prompt":"a","model":"a/three","n":3,"stream":true})");
    answer(0, images_json(3, usage(7, 301)));
    EXPECT_EQ(usages(), "3/100/103 2/101/103 2/100/102") << "7/301/308 together";
}

TEST_F(EventsTest, UsageThatNobodyTellsIsCountedAndShared) {
    ask_for(R"({"prompt":"12345678","model":"a/one","n":2,"stream":true})");
    answer(0, images_json(1));
    answer(1, images_json(1));
    EXPECT_EQ(usages(), "2/0/2 2/0/2");
}

TEST_F(EventsTest, AnEventsOwnUsageIsItsImages) {
    ask_for(R"({"prompt":"a","model":"chain","n":3,"stream":true})");
    complete(usage(5, 100));
    complete(usage(5, 200));
    complete(usage(5, 300));
    EXPECT_EQ(usages(), "5/100/105 5/200/205 5/300/305");
}

TEST_F(EventsTest, UsageThatComesWithTheLastIsTheLasts) {
    ask_for(R"({"prompt":"a","model":"chain","n":3,"stream":true})");
    complete();
    complete();
    complete(usage(5, 300));
    EXPECT_EQ(usages(), "0/0/0 0/0/0 5/300/305");
}

TEST_F(EventsTest, UsageThatIsRepeatedIsTheSumAndToldOnce) {
    ask_for(R"({"prompt":"a","model":"chain","n":2,"stream":true})");
    complete(usage(5, 300));
    complete(usage(5, 300));
    EXPECT_EQ(usages(), "5/300/305 0/0/0");
}

}  // namespace
}  // namespace gateway

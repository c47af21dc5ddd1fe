// A stream of several images: each is sent as soon as it is ready, and the last event has the
// totals.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

class EarlyTest : public ExchangeTest {
 protected:
    EarlyTest() {
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[{"model":"one","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":1}},
                "price":{"per_image":[{"usd":0.04}]}}]}})",
            models.catalogue().get())));
        policy.deadline = Milliseconds(5'000);  // before the first sign of life
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
    }
    void ask_for(const std::string &more = R"("n":3)", const std::string &model = "a/one") {
        events.clear();
        body = R"({"prompt":"a","stream":true,"model":")" + model + "\"," + more + "}";
        RequestHead head;
        head.base_url = "http://here/v1";
        head.fit = fit;
        open(head);
        exchange->run(Operation::generate, body, [this](Answer part) {
            const std::string text = part.body.copy();
            events.push_back(text.substr(text.find("data: ") + 6));
            told.answer = std::move(part);
        });
    }
    void answer(size_t number, HttpResponse response) {
        FakeUpstream::deliver(*world.upstream.calls.at(number), std::move(response));
    }
    static HttpResponse link() {
        return response_of(200, R"({"data":[{"url":"https://h/0.png"}]})");
    }
    [[nodiscard]] ReadJson event(size_t number) const { return ReadJson(events.at(number)); }
    [[nodiscard]] std::string types() const {
        std::string all;
        for (const std::string &text : events) {
            const ReadJson json(text);
            all += (all.empty() ? "" : " ") + std::string(json["type"].string()).substr(0, 5) +
                   (json["index"].integer() ? std::to_string(*json["index"].integer()) : "");
        }
        return all;
    }

    std::vector<std::string> events;  // the data of each
    std::string body;
    std::string_view fit;
};

TEST_F(EarlyTest, EachIsToldWhenItIsThere) {
    ask_for();
    answer(1, images(1));
    ASSERT_EQ(types(), "image1");
    EXPECT_EQ(event(0)["type"].string(), "image_generation.completed");
    EXPECT_EQ(event(0)["b64_json"].string(), kPng);
    EXPECT_EQ(event(0)["extra_fields"]["provider"].string(), "a");
    EXPECT_EQ(event(0)["extra_fields"]["request_type"].string(), "image_generation_stream");
    EXPECT_EQ(event(0)["extra_fields"]["images"].at(0)["width"].integer(), 1);
    EXPECT_FALSE(event(0)["extra_fields"]["cost"]);
    EXPECT_EQ(exchange->images(), 1U);
    answer(2, images(1));
    answer(0, images(1));
    ASSERT_EQ(types(), "image1 image2 image0");
    EXPECT_FALSE(told.answer->goes_on);
    EXPECT_FALSE(event(1)["extra_fields"]["cost"]);
    EXPECT_EQ(event(2)["extra_fields"]["cost"]["usd"].number(), 0.12) << "once, and of all";
    EXPECT_EQ(event(2)["extra_fields"]["attempts"].size(), 3U);
    EXPECT_FALSE(event(2)["extra_fields"]["adjustments"]);
    EXPECT_EQ(exchange->images(), 3U);
}

TEST_F(EarlyTest, WhereTheLastIsMissingAnErrorTellsWhatAllCameTo) {
    ask_for();
    answer(0, images(1));
    answer(1, images(1));
    answer(2, response_for(OutcomeType::callers_fault));
    ASSERT_EQ(types(), "image0 image1 error");
    EXPECT_EQ(event(2)["error"]["code"].string(), "incomplete");
    EXPECT_EQ(event(2)["extra_fields"]["cost"]["usd"].number(), 0.08);
    EXPECT_EQ(exchange->images(), 2U);
    EXPECT_EQ(exchange->images_lost(), 0);
    EXPECT_EQ(exchange->cost(), 80'000);
}

TEST_F(EarlyTest, WhereAnEarlierOneIsMissingTheLastSaysSo) {
    ask_for();
    answer(0, response_for(OutcomeType::callers_fault));
    answer(1, images(1));
    answer(2, images(1));
    ASSERT_EQ(types(), "image1 image2");
    EXPECT_EQ(event(1)["extra_fields"]["adjustments"].size(), 1U);
    EXPECT_EQ(event(1)["extra_fields"]["cost"]["usd"].number(), 0.08);
}

TEST_F(EarlyTest, StrictlyFewerAreAnErrorButForThoseThatAreTold) {
    fit = "strict";
    ask_for();
    answer(0, images(1));
    answer(1, response_for(OutcomeType::callers_fault));
    answer(2, images(1));
    ASSERT_EQ(types(), "image0 error");
    EXPECT_EQ(exchange->images(), 1U);
    EXPECT_EQ(exchange->images_lost(), 1) << "made, and withheld";
}

TEST_F(EarlyTest, ALinkIsFetchedFirst) {
    ask_for();
    answer(0, link());
    EXPECT_EQ(types(), "");
    world.loop.advance(Milliseconds(0));
    answer(1, images(1));
    EXPECT_EQ(types(), "image1") << "one does not wait for another";
    answer(2, images(1));
    EXPECT_EQ(types(), "image1") << "but the last for all, as it tells the sum";
    FetchedImage fetched;
    fetched.base64 = Bytes::own(kPng);
    world.fetcher.end(0, std::move(fetched));
    ASSERT_EQ(types(), "image1 image0 image2");
    EXPECT_EQ(event(1)["b64_json"].string(), kPng);
    EXPECT_EQ(event(1)["extra_fields"]["images"].at(0)["width"].integer(), 1);
    EXPECT_EQ(exchange->images(), 3U);
}

TEST_F(EarlyTest, WhatCannotBeFetchedIsToldAsItIs) {
    ask_for(R"("n":2,"response_format":"b64_json")");
    answer(0, link());
    world.loop.advance(Milliseconds(0));
    answer(1, images(1));
    world.loop.advance(policy.deadline);
    ASSERT_EQ(types(), "image0 image1");
    EXPECT_EQ(event(0)["url"].string(), "https://h/0.png");
    EXPECT_EQ(event(0)["extra_fields"]["adjustments"].size(), 1U);
}

TEST_F(EarlyTest, StrictlyWhatCannotBeFetchedIsAnError) {
    fit = "strict";
    ask_for(R"("n":2,"response_format":"b64_json")");
    answer(0, link());
    world.loop.advance(Milliseconds(0));
    answer(1, images(1));
    world.loop.advance(policy.deadline);
    EXPECT_EQ(told.answer->status, 502) << "nothing was told, so it is no stream yet";
    EXPECT_EQ(exchange->images(), 0U);
    EXPECT_EQ(exchange->images_lost(), 2);
}

TEST_F(EarlyTest, AClientThatLeavesHasWhatItWasTold) {
    ask_for();
    answer(0, images(1));
    exchange->cancel();
    EXPECT_EQ(exchange->images(), 1U);
    EXPECT_EQ(exchange->images_lost(), 2) << "of the calls that were under way";
    exchange->cancel();
    EXPECT_EQ(exchange->images(), 1U);
}

TEST_F(EarlyTest, ImagesOfOneStreamAreToldAsTheyCome) {
    ask_for(R"("n":2)", "chain");
    const auto tell = [&](const std::string &data) {
        Lifter lifter(BlockPool::create(4));
        lifter.feed(data);
        world.upstream.calls.back()->on_event({"", std::move(lifter).finish()});
    };
    const std::string image =
        R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) + "\"}";
    tell(image);
    EXPECT_EQ(types(), "image0");
    EXPECT_EQ(exchange->images(), 1U);
    world.upstream.deliver(undelivered(TransferEnd::lost));
    EXPECT_EQ(types(), "image0 error");
    EXPECT_EQ(asked(), "a") << "nobody else is asked for the second";
    EXPECT_EQ(exchange->images(), 1U);
    EXPECT_EQ(exchange->images_lost(), 1);
}

TEST_F(EarlyTest, ASlowClientMakesTheProviderWait) {
    ask_for(R"("n":2)", "chain");
    exchange->note_unsent(1 << 20);
    EXPECT_TRUE(world.upstream.calls.back()->held);
    exchange->note_unsent(0);
    EXPECT_FALSE(world.upstream.calls.back()->held);
}

}  // namespace
}  // namespace gateway

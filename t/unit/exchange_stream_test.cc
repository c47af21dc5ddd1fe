// A stream: what follows from a preview, and what is counted when the stream breaks off.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

const std::string kAsk =
    R"({"prompt":"x","model":"chain","stream":true,"partial_images":2,"size":"1024x1024"})";

class ExchangeStreamTest : public ExchangeTest {
 protected:
    // The first call's provider says this.
    void tell(const std::string &data) {
        Lifter lifter(BlockPool::create(4));
        lifter.feed(data);
        world.upstream.calls.back()->on_event({"", std::move(lifter).finish()});
    }
    void preview(int number) {
        tell(R"({"type":"image_generation.partial_image","partial_image_index":)" +
             std::to_string(number) + R"(,"b64_json":")" + kPng + "\"}");
    }
    void complete() {
        tell(R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) + "\"}");
    }
    void end() {
        HttpResponse response;
        response.end = TransferEnd::answered;
        response.status = 200;
        response.streamed = true;
        world.upstream.deliver(std::move(response));
    }
    [[nodiscard]] std::string last() const { return told.answer ? told.answer->body.copy() : ""; }
    [[nodiscard]] bool last_is(std::string_view name) const {
        return last().starts_with("event: " + std::string(name) + "\n");
    }
};

TEST_F(ExchangeStreamTest, APreviewIsToldAtOnceAndTheImageBeforeTheStreamIsAtItsEnd) {
    ask(kAsk);
    ASSERT_TRUE(world.upstream.calls.back()->on_event) << "a stream was asked for";
    preview(0);
    EXPECT_TRUE(last_is("image_generation.partial_image"));
    EXPECT_TRUE(told.answer->goes_on);
    complete();
    EXPECT_TRUE(last_is("image_generation.completed"));
    EXPECT_FALSE(told.answer->goes_on);
    EXPECT_EQ(exchange->images(), 1U);
    EXPECT_EQ(exchange->images_lost(), 0);
}

TEST_F(ExchangeStreamTest, AfterAPreviewNobodyElseIsAsked) {
    for (const TransferEnd how :
         {TransferEnd::lost, TransferEnd::timed_out, TransferEnd::too_large}) {
        world.upstream.calls.clear();
        ask(kAsk);
        preview(0);
        world.upstream.deliver(undelivered(how));
        EXPECT_TRUE(last_is("error"));
        EXPECT_EQ(asked(), "a");
        EXPECT_EQ(exchange->outcome(), "unknown");
        EXPECT_EQ(exchange->images_lost(), 1) << "it may be billed";
    }
}

TEST_F(ExchangeStreamTest, WhatAProviderCallsItsOwnFailureMayBeBilledAfterAPreview) {
    ask(kAsk);
    preview(0);
    tell(error_json("image_generation_server_error", "image_generation_failed"));
    EXPECT_TRUE(last_is("error"));
    EXPECT_EQ(exchange->outcome(), "unknown");
    EXPECT_EQ(exchange->images_lost(), 1);
    EXPECT_EQ(asked(), "a");
}

TEST_F(ExchangeStreamTest, BeforeAPreviewAFailureIsOneLikeAnyOther) {
    ask(kAsk);
    tell(error_json("image_generation_server_error", "image_generation_failed"));
    EXPECT_EQ(asked(), "a b");
    EXPECT_EQ(told.answers, 0);
    end();
    EXPECT_EQ(asked(), "a b c") << "a stream without an image is a failure";
    world.upstream.deliver(images(1));
    EXPECT_TRUE(last_is("image_generation.completed")) << "a plain answer is taken all the same";
}

TEST_F(ExchangeStreamTest, ARefusalAfterAPreviewIsTold) {
    ask(kAsk);
    preview(0);
    tell(error_json("image_generation_user_error", "moderation_blocked", "Not this."));
    EXPECT_TRUE(last_is("error"));
    EXPECT_NE(last().find("moderation_blocked"), std::string::npos);
    EXPECT_EQ(exchange->images_lost(), 0);
}

TEST_F(ExchangeStreamTest, PreviewsThatNobodyAskedForAreLeftOut) {
    ask(R"({"prompt":"x","model":"chain","stream":true})");
    preview(0);
    EXPECT_EQ(told.answers, 0);
    complete();
    EXPECT_EQ(told.answers, 1);
}

TEST_F(ExchangeStreamTest, WhateverComesAfterTheEndIsNothing) {
    ask(kAsk);
    complete();
    const int answers = told.answers;
    preview(1);
    complete();
    tell(error_json("x", "y"));
    end();
    EXPECT_EQ(told.answers, answers);
}

TEST_F(ExchangeStreamTest, AClientThatLeavesAfterAPreviewCancelsAndIsCountedFor) {
    ask(kAsk);
    preview(0);
    exchange->cancel();
    EXPECT_EQ(open_calls(), 0U);
    EXPECT_EQ(exchange->images_lost(), 1);
}

TEST_F(ExchangeStreamTest, WhoMaySeeTheWireSeesTheEvents) {
    policy.raw = true;
    RequestHead head;
    head.raw = "response";
    ask(kAsk, head);
    preview(0);
    complete();
    ASSERT_TRUE(last_is("image_generation.completed"));
    const ReadJson json(last().substr(last().find("data: ") + 6));
    const JsonValue events = json["extra_fields"]["raw_response"];
    ASSERT_EQ(events.size(), 2U) << json.text();
    EXPECT_EQ(events.at(0)["type"].string(), "image_generation.partial_image");
    EXPECT_EQ(events.at(1)["b64_json"].string().substr(0, 1), "[") << "without its bytes";
}

TEST_F(ExchangeStreamTest, TheSandboxDrawsItsPreviewsOnTheTaskPool) {
    add_provider("box", {}, "sandbox");
    ask(R"({"prompt":"x","model":"box/placeholder","stream":true,"partial_images":1,"size":"16x16"})");
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(told.answers, 0);
    EXPECT_EQ(world.tasks.run_all(), 1U);
    EXPECT_TRUE(last_is("image_generation.partial_image"));
    world.loop.advance(Milliseconds(0));
    world.tasks.run_all();
    EXPECT_TRUE(last_is("image_generation.completed"));
}

TEST_F(ExchangeStreamTest, WithoutAStreamNobodyIsAskedForOne) {
    ask(R"({"prompt":"x","model":"chain"})");
    EXPECT_FALSE(world.upstream.calls.back()->on_event);
    EXPECT_EQ(world.upstream.calls.back()->call.body.copy().find("stream"), std::string::npos);
}

}  // namespace
}  // namespace gateway

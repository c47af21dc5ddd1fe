// An image that is sent to the client while it arrives from its provider.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

class PassingExchangeTest : public ExchangeTest {
 protected:
    PassingExchangeTest() { policy.buffering = false; }

    void ask_for(const std::string &more = "", const RequestHead &head = {}) {
        sent.clear();
        lifter.emplace(pool);
        body = R"({"prompt":"a","model":"chain")" + more + "}";
        open(head);
        exchange->run(Operation::generate, body, [this](Answer answer) {
            ++told.answers;
            sent += answer.body.copy();
            if (told.answers > 1) {
                answer.headers = told.answer->headers;
            }
            told.answer = std::move(answer);
        });
    }
    [[nodiscard]] bool is_passed() const {
        return world.upstream.calls.back()->on_piece != nullptr;
    }

    // The provider's answer so far goes on like this.
    void come(const std::string &text) {
        lifter->feed(text);
        world.upstream.calls.back()->on_piece(*lifter->pass());
    }
    HttpResponse response(int status = 200) {
        HttpResponse response;
        response.end = TransferEnd::answered;
        response.status = status;
        response.body = std::move(*lifter).finish();
        return response;
    }
    void end() { world.upstream.deliver(response()); }

    // Its header, much, and its end.
    const std::string image =
        std::string(kPng).substr(0, 76) + std::string(9'000, 'A') + std::string(kPng).substr(76);
    std::shared_ptr<BlockPool> pool = BlockPool::create(10);
    std::optional<Lifter> lifter;
    std::string body;
    std::string sent;
};

TEST_F(PassingExchangeTest, ItIsTheAnswerThatItWouldBeInOnePiece) {
    policy.keys = ring_of(key_json("k", R"("limits":{"images_per_minute":9})"));
    ask_for("", as("sk-bf-k"));
    ASSERT_TRUE(is_passed());
    come(R"({"created":1,"data":[{"b64_json":")" + image.substr(0, 5000));
    EXPECT_EQ(told.answers, 1) << "from its first bytes on";
    EXPECT_TRUE(told.answer->goes_on);
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(told.header("x-ratelimit-remaining-images"), "8");
    EXPECT_EQ(exchange->images(), 0U) << "none yet";
    come(image.substr(5000) + R"(","revised_prompt":"b"}],)");
    lifter->feed(R"("size":"1x1","usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}})");
    end();
    EXPECT_FALSE(told.answer->goes_on);
    EXPECT_FALSE(told.answer->broken);

    const ReadJson json(sent);
    EXPECT_EQ(json["data"].at(0)["b64_json"].long_string(100'000), image);
    EXPECT_EQ(json["data"].at(0)["revised_prompt"].string(), "b");
    EXPECT_EQ(json["model"].string(), "a/gpt-image-2");
    EXPECT_EQ(json["usage"]["total_tokens"].integer(), 3);
    EXPECT_EQ(json["extra_fields"]["provider"].string(), "a");
    EXPECT_EQ(json["extra_fields"]["attempts"].at(0)["outcome"].string(), "made");
    EXPECT_EQ(json["extra_fields"]["images"].at(0)["width"].integer(), 1);
    EXPECT_EQ(json["extra_fields"]["images"].at(0)["bytes"].integer(),
              static_cast<int64_t>(image.size() / 4 * 3));
    EXPECT_EQ(exchange->images(), 1U);
    EXPECT_EQ(exchange->outcome(), "made");
    EXPECT_EQ(exchange->images_lost(), 0);
}

TEST_F(PassingExchangeTest, BeforeItsFirstBytesAFailureIsOneLikeAnyOther) {
    ask_for();
    world.upstream.deliver(response_for(OutcomeType::broken));
    EXPECT_EQ(asked(), "a b");
    EXPECT_EQ(told.answers, 0);
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_FALSE(told.answer->goes_on) << "a small image was there before it could be handed on";
}

TEST_F(PassingExchangeTest, AfterThemTheAnswerBreaksOffAndNobodyElseIsAsked) {
    for (const TransferEnd how :
         {TransferEnd::lost, TransferEnd::timed_out, TransferEnd::too_large}) {
        world.upstream.calls.clear();
        ask_for();
        come(R"({"data":[{"b64_json":")" + image.substr(0, 5000));
        world.upstream.deliver(undelivered(how));
        EXPECT_TRUE(told.answer->broken);
        EXPECT_FALSE(told.answer->goes_on);
        EXPECT_EQ(asked(), "a");
        EXPECT_EQ(exchange->outcome(), "unknown");
        EXPECT_EQ(exchange->images(), 0U);
        EXPECT_EQ(exchange->images_lost(), 1) << "it may be billed";
    }
}

TEST_F(PassingExchangeTest, WhatIsNotWhatCameFirstBreaksOff) {
    ask_for();
    come(R"({"x":")" + image + R"(",)");
    lifter->feed(R"("data":[{"b64_json":")" + image + "\"}]}");
    end();
    EXPECT_TRUE(told.answer->broken);
    EXPECT_EQ(exchange->images(), 0U);
    EXPECT_EQ(exchange->images_lost(), 1);
}

TEST_F(PassingExchangeTest, AnAnswerWithoutAnImageBreaksOff) {
    ask_for();
    come(R"({"x":")" + image + R"(",)");
    lifter->feed(R"("error":{"message":"no"}})");
    end();
    EXPECT_TRUE(told.answer->broken);
    EXPECT_EQ(asked(), "a");
}

TEST_F(PassingExchangeTest, TheDeadlineBreaksOff) {
    policy.deadline = Milliseconds(5000);
    ask_for();
    come(R"({"data":[{"b64_json":")" + image.substr(0, 5000));
    world.loop.advance(Milliseconds(5000));
    EXPECT_TRUE(told.answer->broken);
    EXPECT_EQ(open_calls(), 0U);
}

TEST_F(PassingExchangeTest, AClientThatIsBehindMakesTheProviderWait) {
    ask_for();
    come(R"({"data":[{"b64_json":")" + image.substr(0, 5000));
    exchange->note_unsent(256 * 1024);
    EXPECT_TRUE(world.upstream.calls.back()->held);
    exchange->note_unsent(200 * 1024);
    EXPECT_TRUE(world.upstream.calls.back()->held) << "not for every byte";
    exchange->note_unsent(100 * 1024);
    EXPECT_FALSE(world.upstream.calls.back()->held);
}

TEST_F(PassingExchangeTest, AClientThatLeavesCancels) {
    ask_for();
    come(R"({"data":[{"b64_json":")" + image.substr(0, 5000));
    exchange->cancel();
    EXPECT_EQ(open_calls(), 0U);
    EXPECT_EQ(exchange->outcome(), "client_gone");
    EXPECT_EQ(exchange->images_lost(), 1);
}

TEST_F(PassingExchangeTest, WhatNeedsMoreThanBytesIsTakenWhole) {
    policy.raw = true;
    RequestHead raw;
    raw.raw = "response";
    RequestHead old;
    old.marks_end = false;
    ask_for(R"(,"n":2)");
    EXPECT_FALSE(is_passed());
    ask_for(R"(,"response_format":"url")");
    EXPECT_FALSE(is_passed());
    ask_for(R"(,"stream":true)");
    EXPECT_FALSE(is_passed());
    ask_for("", raw);
    EXPECT_FALSE(is_passed());
    ask_for("", old);
    EXPECT_FALSE(is_passed()) << "to whom the end of a connection is the end of an answer";
    policy.buffering = true;
    ask_for();
    EXPECT_FALSE(is_passed());
}

}  // namespace
}  // namespace gateway

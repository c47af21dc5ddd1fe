// Images that are still brought into the requested form when something else ends the request.
#include <gtest/gtest.h>

#include "exchange_world.h"

namespace gateway {
namespace {

class LateDeliveryTest : public ExchangeTest {
 protected:
    LateDeliveryTest() {
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[
                {"model":"one","operations":["generate"],"parameters":{"prompt":{},"n":{"max":1}},
                 "price":{"per_image":[{"usd":0.04}]}},
                {"model":"two","operations":["generate","stream"],
                 "parameters":{"prompt":{},"n":{"max":2}},
                 "price":{"per_image":[{"usd":0.04}]}}]}})",
            models.catalogue().get())));
        policy.deadline = Milliseconds(5'000);
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
    }
    // A stream of links: each image must be stored before it is sent.
    void ask_for(int n, const std::string &model, std::string_view fit = "",
                 const std::string &form = "url") {
        parts.clear();
        body = R"({"prompt":"a","stream":true,"response_format":")" + form + R"(","model":"a/)" +
               model + R"(","n":)" + std::to_string(n) + "}";
        RequestHead head;
        head.base_url = "http://here/v1";
        head.fit = fit;
        open(head);
        exchange->run(Operation::generate, body, [this](Answer part) {
            parts.push_back(part.body.copy());
            told.answer = std::move(part);
        });
    }
    void answer(size_t number, HttpResponse response) {
        FakeUpstream::deliver(*world.upstream.calls.at(number), std::move(response));
        world.loop.advance(Milliseconds(0));
    }
    // An event of a call that has not ended.
    void tell_image(size_t number, const std::string &more = "") {
        Lifter lifter(BlockPool::create(4));
        lifter.feed(R"({"type":"image_generation.completed","b64_json":")" + std::string(kPng) +
                    "\"" + more + "}");
        world.upstream.calls.at(number)->on_event({"", std::move(lifter).finish()});
        world.loop.advance(Milliseconds(0));
    }
    // Nothing that goes on in the background has an effect on what has ended.
    void expect_over(size_t count, size_t images, int64_t lost) {
        for (const auto &entry : world.files.entries) {
            if (entry->on_end != nullptr) {
                std::exchange(entry->on_end, nullptr)({Written::whole});
            }
        }
        world.loop.advance(policy.heartbeat * 2);
        EXPECT_EQ(parts.size(), count) << "nothing is sent after the end";
        EXPECT_FALSE(told.answer->goes_on);
        EXPECT_EQ(world.loop.running(), 0U) << "no signs of life after the end";
        EXPECT_EQ(exchange->images(), images);
        EXPECT_EQ(exchange->images_lost(), lost);
    }

    std::vector<std::string> parts;
    std::string body;
};

TEST_F(LateDeliveryTest, AnImageThatIsReadyAfterTheErrorIsNotSent) {
    ask_for(2, "two");
    tell_image(0);
    ASSERT_EQ(world.files.entries.size(), 1U);
    answer(0, undelivered(TransferEnd::lost));
    ASSERT_EQ(parts.size(), 1U);
    EXPECT_GE(told.status(), 500);
    EXPECT_EQ(exchange->images_lost(), 2);
    expect_over(1, 0, 2);
}

TEST_F(LateDeliveryTest, AnImageOfACallThatFailedIsWaitedForAndCounted) {
    ask_for(4, "two");
    tell_image(0);
    answer(0, undelivered(TransferEnd::lost));
    answer(1, images(2));
    ASSERT_EQ(world.files.entries.size(), 3U);
    world.files.end(1, Written::whole);
    world.files.end(2, Written::whole);
    EXPECT_EQ(parts.size(), 0U) << "the first is still being stored";
    world.files.end(0, Written::whole);
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_NE(parts[0].find(R"("index":0)"), std::string::npos) << parts[0];
    expect_over(2, 3, 1);
}

TEST_F(LateDeliveryTest, AClientThatLeavesLosesTheImageOfACallThatFailed) {
    ask_for(4, "two");
    tell_image(0);
    answer(0, undelivered(TransferEnd::lost));
    answer(1, images(2));
    exchange->cancel();
    EXPECT_EQ(exchange->images(), 2U);
    EXPECT_EQ(exchange->images_lost(), 2);
}

TEST_F(LateDeliveryTest, StrictlyFewerAreAnErrorAfterThoseThatWereBegun) {
    ask_for(3, "one", "strict");
    answer(0, images(1));
    answer(1, response_for(OutcomeType::callers_fault));
    answer(2, images(1));
    EXPECT_EQ(parts.size(), 0U);
    ASSERT_EQ(world.files.entries.size(), 1U) << "what is not sent is not stored";
    world.files.end(0, Written::whole);
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_NE(parts[1].find("incomplete"), std::string::npos) << parts[1];
    expect_over(2, 1, 1);
}

TEST_F(LateDeliveryTest, AtTheDeadlineNothingComesAfterTheEnd) {
    ask_for(2, "two");
    tell_image(0);
    world.loop.advance(policy.deadline);
    ASSERT_EQ(parts.size(), 2U);
    expect_over(2, 1, 1);
}

TEST_F(LateDeliveryTest, AnExceptionCountsWhatIsNotSentAsLost) {
    ask_for(4, "two");
    tell_image(0);
    answer(0, undelivered(TransferEnd::lost));
    answer(1, images(2));
    exchange->end_by_exception();
    ASSERT_EQ(parts.size(), 1U);
    expect_over(1, 0, 4);
}

TEST_F(LateDeliveryTest, AClientThatLeavesAfterAllAttemptsHasTheirOutcome) {
    ask_for(1, "one");
    answer(0, images(1));
    ASSERT_EQ(world.files.entries.size(), 1U);
    exchange->cancel();
    EXPECT_EQ(exchange->outcome(), "made") << "no attempt was under way";
    EXPECT_EQ(exchange->images(), 1U);
}

TEST_F(LateDeliveryTest, AnImageThatIsSentBeforeTheOthersLeavesThemTheirBytes) {
    policy.hosting = nullptr;
    ask_for(4, "two", "", "b64_json");
    const auto links = [](const std::string &one, const std::string &two) {
        return response_of(200, R"({"data":[{"url":"https://h/)" + one +
                                    R"("},{"url":"https://h/)" + two + R"("}]})");
    };
    answer(0, links("0", "1"));
    answer(1, links("2", "3"));
    ASSERT_EQ(world.fetcher.entries.size(), 4U);
    const auto left = [this](size_t number) {
        return world.fetcher.entries[number]->asked.left.get();
    };
    EXPECT_NE(left(0), left(1)) << "each is sent by itself, and gone";
    EXPECT_NE(left(1), left(2));
    EXPECT_EQ(left(2), left(3)) << "these are sent together";
}

TEST_F(LateDeliveryTest, AnEventsOwnUsageStaysItsImagesUntilThatIsSent) {
    const auto usage = [](int tokens) {
        return R"(,"usage":{"input_tokens":0,"output_tokens":)" + std::to_string(tokens) +
               R"(,"total_tokens":)" + std::to_string(tokens) + "}";
    };
    ask_for(2, "two");
    tell_image(0, usage(100));
    tell_image(0, usage(40));
    HttpResponse end;
    end.end = TransferEnd::answered;
    end.status = 200;
    end.streamed = true;
    if (open_calls() > 0) {
        answer(0, std::move(end));
    }
    ASSERT_EQ(world.files.entries.size(), 2U);
    world.files.end(0, Written::whole);
    world.files.end(1, Written::whole);
    ASSERT_EQ(parts.size(), 2U);
    EXPECT_NE(parts[0].find(R"("output_tokens":100)"), std::string::npos) << parts[0];
}

}  // namespace
}  // namespace gateway

// A making without a watcher: what an order comes to, as a value.
#include <gtest/gtest.h>

#include "core/exchange/understand.h"
#include "core/making/making.h"
#include "exchange_world.h"

namespace gateway {
namespace {

class MakingTest : public ExchangeTest {
 protected:
    MakingTest() {
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
    }
    std::shared_ptr<Order> order_for(std::string body) {
        auto order = std::make_shared<Order>(accounts);
        order->request_id = "request-1";
        order->catalogue = models.catalogue();
        order->memory = world.memory->open({});
        order->deadline = Milliseconds(10'000);
        order->allowed = Milliseconds(10'000);
        RequestHead head;
        head.base_url = "http://here/v1";
        const Wishes wishes;
        ReadBody read;
        read.text = std::move(body);
        const auto understood = understand({models, policy, head, wishes}, read, *order);
        EXPECT_TRUE(understood);
        auto plan = make_plan(models, order->caller, order->requested_model,
                              order->request.fallbacks, world.random);
        EXPECT_TRUE(plan);
        order->plan = std::move(*plan);
        order->funds.enter({}, order->allowed,
                           [](const Funds::Entered &entered) { EXPECT_TRUE(entered); });
        return order;
    }
    void start(std::string body) {
        making = std::make_unique<Making>(order_for(std::move(body)), health, world.ports, nullptr,
                                          [this] { ++ends; });
        making->start();
    }
    // The result, after all that it was made with is gone.
    Result take_result() {
        EXPECT_EQ(ends, 1);
        Result result = making->result();
        making.reset();
        world.upstream.calls.clear();
        world.fetcher.entries.clear();
        world.files.entries.clear();
        return result;
    }

    std::unique_ptr<Making> making;
    int ends = 0;
};

TEST_F(MakingTest, EndsInAResultThatRefersToNothing) {
    start(R"({"prompt":"a","model":"a/gpt-image-2","n":2,"quality":"high"})");
    EXPECT_EQ(ends, 0);
    EXPECT_TRUE(making->is_asking());
    world.upstream.deliver(response_of(
        200,
        images_json(
            2,
            R"(,"quality":"low","usage":{"input_tokens":10,"output_tokens":100,"total_tokens":110})")));
    const Result result = take_result();
    EXPECT_FALSE(result.error);
    EXPECT_EQ(result.outcome, OutcomeType::made);
    EXPECT_EQ(result.maker.provider, "a");
    EXPECT_EQ(result.maker.model, "gpt-image-2");
    ASSERT_EQ(result.images.size(), 2U);
    EXPECT_EQ(result.images[1].index, 1);
    EXPECT_EQ(result.images[1].content.copy(), kPng);
    EXPECT_EQ(result.images[1].width, 1);
    EXPECT_EQ(result.words.quality, "low");
    ASSERT_EQ(result.adjustments.size(), 1U);
    EXPECT_EQ(result.adjustments[0].param, "quality");
    EXPECT_TRUE(result.bill.cost.usd);
    EXPECT_EQ(result.requested, 2);
    ASSERT_EQ(result.history.attempts().size(), 1U);
    EXPECT_EQ(result.history.attempts()[0].provider, "a");
    EXPECT_EQ(result.history.images_lost(), 0);
}

TEST_F(MakingTest, AStreamThatNobodyWatchesIsAllInTheResult) {
    start(R"({"prompt":"a","model":"a/gpt-image-2","n":2,"stream":true,"partial_images":1})");
    world.upstream.deliver(images(2));
    const Result result = take_result();
    ASSERT_EQ(result.images.size(), 2U);
    EXPECT_EQ(result.images[0].content.copy(), kPng);
    EXPECT_EQ(result.withheld, 0);
}

TEST_F(MakingTest, ImagesHaveTheirFormBeforeTheEnd) {
    start(R"({"prompt":"a","model":"a/gpt-image-2","response_format":"url"})");
    world.upstream.deliver(images(1));
    EXPECT_FALSE(making->is_asking());
    world.loop.advance(Milliseconds(0));
    EXPECT_EQ(ends, 0);
    world.files.end(0, Written::whole);
    const Result result = take_result();
    ASSERT_EQ(result.images.size(), 1U);
    EXPECT_EQ(result.images[0].form, Image::Form::url);
    EXPECT_TRUE(result.images[0].content.copy().starts_with("http://here/v1/images/files/"));
    EXPECT_TRUE(result.images[0].expires_at);
}

TEST_F(MakingTest, AnErrorIsAResultToo) {
    start(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.upstream.deliver(response_for(OutcomeType::callers_fault, "Too large."));
    const Result result = take_result();
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->status, 400);
    EXPECT_EQ(result.outcome, OutcomeType::callers_fault);
    EXPECT_TRUE(result.images.empty());
    ASSERT_EQ(result.history.attempts().size(), 1U);
    EXPECT_EQ(result.history.attempts()[0].code, "invalid_value");
}

TEST_F(MakingTest, TheDeadlineEndsIt) {
    start(R"({"prompt":"a","model":"a/gpt-image-2"})");
    world.clock.set(Milliseconds(10'000));
    making->expire();
    const Result result = take_result();
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->status, 504);
    EXPECT_EQ(result.history.images_lost(), 1);
}

TEST_F(MakingTest, DroppedItCancelsAndNobodyIsCalled) {
    start(R"({"prompt":"a","model":"a/gpt-image-2"})");
    making->drop();
    EXPECT_EQ(open_calls(), 0U);
    EXPECT_EQ(making->images_lost(), 1);
    EXPECT_EQ(making->images_answered(), 0);
    making->expire();
    EXPECT_EQ(ends, 0);
}

TEST_F(MakingTest, OutlivesWhoeverGaveTheOrder) {
    auto order = order_for(R"({"prompt":"a long prompt, kept by the order","model":"chain"})");
    making = std::make_unique<Making>(order, health, world.ports, nullptr, [this] { ++ends; });
    order.reset();
    making->start();
    world.upstream.deliver(response_for(OutcomeType::broken));
    EXPECT_EQ(asked(), "a b");
    world.upstream.deliver(images(1));
    const Result result = take_result();
    ASSERT_EQ(result.images.size(), 1U);
    EXPECT_EQ(result.maker.provider, "b");
    EXPECT_EQ(result.history.attempts().size(), 2U);
}

}  // namespace
}  // namespace gateway

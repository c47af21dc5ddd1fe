// One attempt: a call or a task, exactly one outcome, and none after the attempt was destroyed.
#include "core/providers/attempt.h"

#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "fake_ports.h"
#include "responses.h"

namespace gateway {
namespace {

class AttemptTest : public testing::Test {
 protected:
    AttemptTest() {
        params[Param::prompt] = std::string_view("a kite");
        params[Param::size] = std::string_view("16x16");
        provider.name = "p";
        provider.url = "https://p";
        provider.keys = {{"sk-secret"}};
        provider.answer_max = 0;
    }
    std::unique_ptr<Attempt> start(const char *api, Milliseconds left = Milliseconds(590'000)) {
        provider.dialect = dialect_named(api);
        auto attempt = Attempt::start(
            world.ports,
            {provider, provider.keys.data(), "m", params, {}, "", "", "", world.random},
            {left, 1000}, {.on_outcome = [this](Outcome outcome) {
                EXPECT_FALSE(starting);
                EXPECT_FALSE(outcome_) << "a second outcome";
                outcome_ = std::move(outcome);
            }});
        starting = false;
        return attempt;
    }

    FakeWorld world;
    Provider provider;
    Params params;
    bool starting = true;
    std::optional<Outcome> outcome_;
};

TEST_F(AttemptTest, SendsTheCallWithTheProvidersSettings) {
    provider.timeouts = {Milliseconds(1), Milliseconds(2), Milliseconds(4), Milliseconds(3000)};
    provider.proxy = "http://proxy";
    provider.ca_file = "/ca.pem";
    const auto attempt = start("openai");
    ASSERT_EQ(world.upstream.calls.size(), 1U);
    const HttpCall &call = world.upstream.calls[0]->call;
    EXPECT_EQ(call.timeouts.connect, Milliseconds(1));
    EXPECT_EQ(call.timeouts.first_byte, Milliseconds(2));
    EXPECT_EQ(call.timeouts.total, Milliseconds(3000));
    EXPECT_EQ(call.proxy, "http://proxy");
    EXPECT_EQ(call.ca_file, "/ca.pem");
    EXPECT_EQ(call.answer_max, 1000U) << "the location's";
}

// The request's deadline must come first: the call's timeout is one second later.
TEST_F(AttemptTest, TakesHardlyLongerThanWhatIsLeft) {
    provider.answer_max = 77;
    const auto attempt = start("openai", Milliseconds(1234));
    EXPECT_EQ(world.upstream.calls[0]->call.timeouts.total, Milliseconds(2234));
    EXPECT_EQ(world.upstream.calls[0]->call.answer_max, 77U) << "the provider's own";
}

TEST_F(AttemptTest, ReadsAWholeAnswerAndJudgesAnyOther) {
    auto attempt = start("openai");
    world.upstream.deliver(images(1));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::made);
    outcome_.reset();
    attempt = start("openai");
    HttpResponse half = images(1);
    half.end = TransferEnd::lost;
    world.upstream.deliver(std::move(half));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::unknown) << "whatever had arrived before";
}

// Sends the seed 7, and answers with as many images as the status says; the last tells its seed.
class Seeded final : public Dialect {
 public:
    Seeded() : Dialect({.name = "seeded"}) {}
    [[nodiscard]] Work begin(const ProviderRequest & /*request*/) const override {
        HttpCall call;
        call.seed = 7;
        return call;
    }
    [[nodiscard]] Outcome read(const HttpResponse &response) const override {
        Outcome outcome;
        outcome.type = OutcomeType::made;
        outcome.result.images.resize(static_cast<size_t>(response.status));
        if (tells) {
            outcome.result.images.back().seed = 9;
        }
        return outcome;
    }
    bool tells = false;
};

TEST_F(AttemptTest, TellsTheSeedThatWasSentWhereTheAnswerDoesNot) {
    Seeded seeded;
    provider.dialect = &seeded;
    const auto seeds = [&](int images) {
        outcome_.reset();
        const auto attempt = Attempt::start(
            world.ports, {provider, nullptr, "m", params, {}, "", "", "", world.random},
            {Milliseconds(1000), 1000},
            {.on_outcome = [this](Outcome outcome) { outcome_ = std::move(outcome); }});
        world.upstream.deliver(response_of(images, ""));
        std::vector<std::optional<int64_t>> told;
        for (const Image &image : outcome_->result.images) {
            told.push_back(image.seed);
        }
        return told;
    };
    using Seeds = std::vector<std::optional<int64_t>>;
    EXPECT_EQ(seeds(1), Seeds{7});
    EXPECT_EQ(seeds(2), (Seeds{std::nullopt, std::nullopt})) << "only the provider could say";
    seeded.tells = true;
    EXPECT_EQ(seeds(1), Seeds{9});
}

TEST_F(AttemptTest, LettingGoCancelsTheCall) {
    auto attempt = start("openai");
    attempt.reset();
    EXPECT_EQ(world.upstream.count(FakeUpstream::State::cancelled), 1U);
    EXPECT_FALSE(outcome_);
}

TEST_F(AttemptTest, LocalWorkWaitsItsTimeThenRunsOnThePool) {
    provider.rehearsal.shortest = Milliseconds(500);
    const auto attempt = start("sandbox");
    world.loop.advance(Milliseconds(499));
    EXPECT_EQ(world.tasks.waiting(), 0U);
    world.loop.advance(Milliseconds(1));
    EXPECT_EQ(world.tasks.waiting(), 1U);
    EXPECT_FALSE(outcome_);
    world.tasks.run_all();
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::made);
    EXPECT_EQ(outcome_->result.images.size(), 1U);
}

TEST_F(AttemptTest, LettingGoOfLocalWorkIsSafeAtAnyTime) {
    provider.rehearsal.shortest = Milliseconds(500);
    auto waiting = start("sandbox");
    waiting.reset();
    EXPECT_EQ(world.loop.running(), 0U);
    auto working = start("sandbox");
    world.loop.advance(Milliseconds(500));
    ASSERT_EQ(world.tasks.waiting(), 1U);
    working.reset();
    EXPECT_EQ(world.tasks.run_all(), 1U) << "the task itself can't be cancelled";
    EXPECT_FALSE(outcome_);
}

TEST_F(AttemptTest, AFullPoolIsAnOutcomeToo) {
    world.tasks.full = true;
    const auto attempt = start("sandbox");
    EXPECT_FALSE(outcome_) << "not from within start()";
    world.loop.advance(Milliseconds(0));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::broken);
    EXPECT_EQ(outcome_->error.code, "task_pool_full");
}

}  // namespace
}  // namespace gateway

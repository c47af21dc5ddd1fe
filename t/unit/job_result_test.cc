// Fetching the result of a completed job if its own document does not have it.
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "core/providers/attempt.h"
#include "fake_ports.h"
#include "responses.h"

namespace gateway {
namespace {

const std::string kAddress = "https://q/a/b/requests/1";
const std::string kCompleted = R"({"status":"COMPLETED"})";
const std::string kResult = R"({"images":[{"url":"https://f/a.png"}]})";

class JobResultTest : public testing::Test {
 protected:
    JobResultTest() {
        params[Param::prompt] = std::string_view("a kite");
        provider.name = "p";
        provider.url = "https://q";
        provider.keys = {{"secret"}};
        provider.dialect = dialect_named("fal");
    }
    void submit(const std::string &result_url = kAddress) {
        attempt = Attempt::start(
            world.ports,
            {provider, provider.keys.data(), "m", params, {}, "", "", "", world.random},
            {Milliseconds(590'000), 1000},
            {.on_outcome = [this](Outcome outcome) { outcome_ = std::move(outcome); }});
        world.upstream.deliver(
            response_of(200, R"({"status_url":")" + kAddress + R"(/status","response_url":")" +
                                 result_url + R"(","cancel_url":")" + kAddress + "/cancel\"}"));
    }
    void complete() {
        submit();
        world.loop.advance(Milliseconds(500));
        world.upstream.deliver(response_of(200, kCompleted));
    }
    [[nodiscard]] const std::string &last_url() const {
        return world.upstream.calls.back()->call.url;
    }
    // How often the result was asked for.
    [[nodiscard]] size_t fetches() const {
        const auto &calls = world.upstream.calls;
        return static_cast<size_t>(std::count_if(calls.begin(), calls.end(), [](const auto &seen) {
            return seen->call.url == kAddress;
        }));
    }

    FakeWorld world;
    Provider provider;
    Params params;
    std::unique_ptr<Attempt> attempt;
    std::optional<Outcome> outcome_;
};

TEST_F(JobResultTest, IsFetchedAtOnceFromItsOwnAddress) {
    complete();
    EXPECT_EQ(last_url(), kAddress);
    EXPECT_FALSE(outcome_);
    EXPECT_TRUE(attempt->may_be_billed());
    world.upstream.deliver(response_of(200, kResult));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::made);
    attempt.reset();
    EXPECT_TRUE(world.upstream.sent_off.empty()) << "nothing to cancel";
}

TEST_F(JobResultTest, IsFetchedAgainAfterTrouble) {
    complete();
    const HttpResponse kTrouble[] = {
        undelivered(TransferEnd::lost),
        undelivered(TransferEnd::timed_out),
        response_of(502, "<html>"),
        response_of(500, ""),
        response_of(429, R"({"detail":"Slow down."})", "retry-after: 4\r\n"),
        response_of(401, R"({"detail":"Who are you?"})"),
        response_of(400, R"({"detail":"Request is still in progress"})"),
    };
    size_t count = 1;
    for (const HttpResponse &trouble : kTrouble) {
        world.upstream.deliver(trouble);
        EXPECT_FALSE(outcome_);
        world.loop.advance(Milliseconds(30'000));
        EXPECT_EQ(fetches(), ++count);
    }
    world.upstream.deliver(response_of(200, kResult));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::made);
    EXPECT_EQ(world.upstream.calls.size(), 2 + count) << "one submit and one poll";
}

TEST_F(JobResultTest, ThatIsRefusedForGoodIsUnknown) {
    complete();
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(outcome_);
        world.upstream.deliver(response_of(404, "<html>"));
        world.loop.advance(Milliseconds(30'000));
    }
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::unknown);
    EXPECT_EQ(outcome_->error.code, "poll_refused");
}

TEST_F(JobResultTest, ThatCannotBeReadIsNoBetterTheNextTime) {
    for (const char *body : {"<html>", "{}", ""}) {
        outcome_.reset();
        complete();
        world.upstream.deliver(response_of(200, body));
        ASSERT_TRUE(outcome_) << body;
        EXPECT_EQ(outcome_->type, OutcomeType::unknown);
    }
    outcome_.reset();
    complete();
    world.upstream.deliver(undelivered(TransferEnd::too_large));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->error.code, "answer_too_large");
}

TEST_F(JobResultTest, MayBeAnError) {
    complete();
    world.upstream.deliver(
        response_of(422, R"({"detail":[{"type":"content_policy_violation","msg":"No."}]})"));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::refused_by_policy);
}

TEST_F(JobResultTest, HasItsTimeToo) {
    provider.timeouts.total = Milliseconds(20'000);
    complete();
    world.loop.advance(Milliseconds(20'000));
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::unknown);
    EXPECT_EQ(outcome_->error.code, "timed_out");
}

TEST_F(JobResultTest, IsNotFetchedFromAnotherHost) {
    submit("https://elsewhere/a/b/requests/1");
    ASSERT_TRUE(outcome_);
    EXPECT_EQ(outcome_->type, OutcomeType::unknown);
    EXPECT_EQ(outcome_->error.code, "poll_url_refused");
    EXPECT_EQ(world.upstream.calls.size(), 1U);
}

}  // namespace
}  // namespace gateway

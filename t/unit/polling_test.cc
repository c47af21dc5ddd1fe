// Polling a job until it ends: when, how often, and how unclear responses are treated.
#include "core/providers/polling.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/providers/attempt.h"
#include "fake_ports.h"
#include "read_json.h"
#include "responses.h"

namespace gateway {
namespace {

constexpr std::string_view kStateFields[] = {"status", "state"};
constexpr PollState kStates[] = {
    {"Done", OutcomeType::made},
    {"Not Decent", OutcomeType::refused_by_policy},
    {"Failed", OutcomeType::broken},
    {"Not found", OutcomeType::not_here},
};
constexpr std::string_view kOwnHosts[] = {"jobs.*.slow.example"};
constexpr PollRules kRules = {.first = Milliseconds(500),
                              .longest = Milliseconds(1'000),
                              .growth_percent = 150,
                              .grace = Milliseconds(2'000),
                              .state_fields = kStateFields,
                              .states = kStates,
                              .own_hosts = kOwnHosts};

HttpResponse state(const std::string &name, int status = 200, std::string headers = "") {
    return response_of(status, R"({"status":")" + name + "\"}", std::move(headers));
}

HttpResponse page(int status, std::string headers = "") {
    return response_of(status, "<html>What?</html>", std::move(headers));
}

TEST(StateOf, IsReadWhateverItsCase) {
    const struct {
        const char *document;
        std::optional<OutcomeType> state;
    } kRows[] = {
        {R"({"status":"Done"})", OutcomeType::made},
        {R"({"status":"DONE"})", OutcomeType::made},
        {R"({"status":"not decent"})", OutcomeType::refused_by_policy},
        {R"({"status":"NotDecent"})", OutcomeType::pending},
        {R"({"status":"Done "})", OutcomeType::pending},
        {R"({"status":""})", OutcomeType::pending},
        {R"({"status":"a state that nobody knows yet"})", OutcomeType::pending},
        {R"({"state":"failed"})", OutcomeType::broken},
        {R"({"state":"failed","status":"waiting"})", OutcomeType::pending},
        {R"({"state":"failed","status":404})", OutcomeType::broken},
        {R"({"status":404})", std::nullopt},
        {R"({"status":null})", std::nullopt},
        {R"({"status":{"status":"Done"}})", std::nullopt},
        {"{}", std::nullopt},
        {"[]", std::nullopt},
        {"7", std::nullopt},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(state_of(ReadJson(row.document).root(), kRules), row.state) << row.document;
    }
    EXPECT_EQ(state_of(JsonValue(), kRules), std::nullopt);
}

// ---- the poller

class PollerTest : public testing::Test {
 protected:
    void start(std::optional<Milliseconds> wait = std::nullopt) {
        const size_t before = polls();
        poller = std::make_unique<Poller>(
            world.ports, kRules, wait,
            [] {
                HttpCall call;
                call.method = HttpMethod::get;
                call.url = "https://p/job";
                return call;
            },
            [](const HttpResponse &response, JsonValue root, OutcomeType type) {
                Outcome outcome;
                outcome.type = type;
                outcome.error.status = response.status;
                outcome.error.message = root["why"].string();
                return outcome;
            },
            [this](const HttpResponse & /*response*/, Outcome outcome) {
                EXPECT_FALSE(ended) << "a second end";
                ended = std::move(outcome);
            });
        EXPECT_EQ(polls(), before) << "not from within the constructor";
    }
    [[nodiscard]] size_t polls() const { return world.upstream.calls.size(); }

    // The next poll comes after this time, and not before.
    void expect_poll_after(Milliseconds time) {
        const size_t before = polls();
        world.loop.advance(time - Milliseconds(1));
        EXPECT_EQ(polls(), before) << "a poll before " << time.count() << " ms";
        world.loop.advance(Milliseconds(1));
        ASSERT_EQ(polls(), before + 1) << "no poll after " << time.count() << " ms";
    }
    void answer(HttpResponse response) { world.upstream.deliver(std::move(response)); }

    FakeWorld world;
    std::unique_ptr<Poller> poller;
    std::optional<Outcome> ended;
};

TEST_F(PollerTest, WaitsALittleLongerBeforeEachPoll) {
    start();
    for (const int pause : {500, 750, 1'000, 1'000}) {
        expect_poll_after(Milliseconds(pause));
        answer(state("Working"));
    }
    EXPECT_FALSE(ended);
    expect_poll_after(Milliseconds(1'000));
    answer(state("done"));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->type, OutcomeType::made);
    world.loop.advance(Milliseconds(60'000));
    EXPECT_EQ(polls(), 5U) << "an ended job is asked for no more";
}

TEST_F(PollerTest, AsksWhenTheProviderSays) {
    start(Milliseconds(3'000));
    expect_poll_after(Milliseconds(3'000));
    answer(state("Working", 200, "Retry-After: 7\r\n"));
    expect_poll_after(Milliseconds(7'000));
    answer(state("Working", 200, "Retry-After: 0\r\n"));
    expect_poll_after(Milliseconds(50));  // but never at once
    answer(state("Working", 200, "Retry-After: 3600\r\n"));
    expect_poll_after(Milliseconds(30'000));  // nor so late that nobody waits any more
    answer(state("Working"));
    world.loop.advance(Milliseconds(1'000));
    EXPECT_EQ(polls(), 5U);
}

TEST_F(PollerTest, ReadsAStateWhateverTheStatusBesideIt) {
    for (const int status : {200, 202, 404, 422, 500, 503}) {
        ended.reset();
        start();
        world.loop.advance(Milliseconds(500));
        answer(response_of(status, R"({"status":"failed","why":"It rained."})"));
        ASSERT_TRUE(ended) << status;
        EXPECT_EQ(ended->type, OutcomeType::broken);
        EXPECT_EQ(ended->error.status, status);
        EXPECT_EQ(ended->error.message, "It rained.");
    }
}

TEST_F(PollerTest, AsksAgainAfterTroubleOnTheWay) {
    start();
    expect_poll_after(Milliseconds(500));
    answer(undelivered(TransferEnd::not_sent));
    expect_poll_after(Milliseconds(1'000));
    answer(undelivered(TransferEnd::lost));
    expect_poll_after(Milliseconds(2'000));
    answer(undelivered(TransferEnd::timed_out));
    expect_poll_after(Milliseconds(4'000));
    answer(page(502));
    expect_poll_after(Milliseconds(8'000));
    answer(response_of(200, "{}"));
    expect_poll_after(Milliseconds(10'000));
    answer(page(429, "Retry-After: 20\r\n"));
    expect_poll_after(Milliseconds(20'000));
    HttpResponse huge = state("done");
    huge.body.outline_too_large = true;
    answer(std::move(huge));
    expect_poll_after(Milliseconds(10'000));
    answer(state("Working"));
    expect_poll_after(Milliseconds(750));  // as if nothing had happened
    answer(page(500));
    expect_poll_after(Milliseconds(1'000));
    EXPECT_FALSE(ended);
}

TEST_F(PollerTest, DoesNotAskAgainForWhatIsTooLarge) {
    start();
    expect_poll_after(Milliseconds(500));
    answer(undelivered(TransferEnd::too_large));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->type, OutcomeType::unknown);
    EXPECT_EQ(ended->error.code, "answer_too_large");
    world.loop.advance(Milliseconds(60'000));
    EXPECT_EQ(polls(), 1U);
}

TEST_F(PollerTest, GivesUpWhenItIsRefusedThreeTimes) {
    for (const int status : {400, 401, 403, 404, 410, 422}) {
        ended.reset();
        start();
        world.loop.advance(kRules.grace);
        answer(page(status));
        world.loop.advance(Milliseconds(1'000));
        answer(state("Working"));
        world.loop.advance(Milliseconds(1'000));
        answer(response_of(status, R"({"detail":"No.","status":404})"));
        world.loop.advance(Milliseconds(1'000));
        ASSERT_FALSE(ended) << status;
        answer(page(status));
        ASSERT_TRUE(ended) << status;
        EXPECT_EQ(ended->type, OutcomeType::unknown) << "the job goes on, and may be billed";
        EXPECT_EQ(ended->error.code, "poll_refused");
        EXPECT_EQ(ended->error.status, status);
    }
}

TEST_F(PollerTest, ForgivesWhatIsRefusedOrNotFoundAtFirst) {
    start();
    world.loop.advance(Milliseconds(500));
    answer(state("Not Found", 404));
    world.loop.advance(Milliseconds(750));
    answer(page(404));
    EXPECT_FALSE(ended);
    world.loop.advance(Milliseconds(1'000));
    answer(state("Not Found", 404));
    ASSERT_TRUE(ended) << "after the grace time";
    EXPECT_EQ(ended->type, OutcomeType::not_here);
}

TEST_F(PollerTest, EndsWhenItIsLetGoOf) {
    start();
    poller.reset();
    world.loop.advance(Milliseconds(10'000));
    EXPECT_EQ(polls(), 0U);
    start();
    world.loop.advance(Milliseconds(500));
    poller.reset();
    EXPECT_EQ(world.upstream.count(FakeUpstream::State::cancelled), 1U);
    EXPECT_FALSE(ended);
}

// ---- an attempt that polls

class SlowDialect final : public Dialect, public JobApi {
 public:
    SlowDialect() : Dialect({.name = "slow"}) {}
    [[nodiscard]] Work begin(const ProviderRequest &request) const override {
        HttpCall call;
        call.url = request.provider.url + "/jobs";
        call.seed = 17;
        return call;
    }
    [[nodiscard]] Outcome read(const HttpResponse & /*response*/) const override {
        Outcome outcome;
        outcome.type = OutcomeType::pending;
        outcome.job = job;
        return outcome;
    }
    [[nodiscard]] const JobApi *jobs() const override { return this; }
    [[nodiscard]] const PollRules &rules() const override { return kRules; }
    [[nodiscard]] HttpCall poll(const ProviderRequest & /*request*/,
                                const Job &started) const override {
        HttpCall call;
        call.method = HttpMethod::get;
        call.url = started.poll_url;
        return call;
    }
    [[nodiscard]] Outcome read_job(const HttpResponse &response, JsonValue root,
                                   OutcomeType state) const override {
        Outcome outcome = begin_job_outcome(response, state);
        if (state == OutcomeType::made) {
            for (int i = 0; i < images; ++i) {
                Image &image = outcome.result.images.emplace_back();
                image.revised_prompt = root["prompt"].string();
                image.seed = root["seed"].integer();
            }
            outcome.result.cost = root["cost"].integer();
        }
        return outcome;
    }
    [[nodiscard]] std::optional<HttpCall> cancel(const ProviderRequest & /*request*/,
                                                 const Job &started) const override {
        if (started.cancel_url.empty()) {
            return std::nullopt;
        }
        HttpCall call;
        call.url = started.cancel_url;
        return call;
    }

    Job job{.poll_url = "https://slow.example/jobs/1",
            .cancel_url = "https://slow.example/jobs/1/cancel"};
    int images = 1;
};

class PollingAttempt : public testing::Test {
 protected:
    PollingAttempt() {
        params[Param::prompt] = std::string_view("a kite");
        provider.name = "slow";
        provider.dialect = &dialect;
        provider.url = "https://slow.example";
        provider.proxy = "http://proxy";
    }
    void submit(Milliseconds left = Milliseconds(590'000)) {
        attempt = Attempt::start(world.ports,
                                 {provider, nullptr, "m", params, {}, "", "", "", world.random},
                                 {left, 1000}, {.on_outcome = [this](Outcome outcome) {
                                     EXPECT_FALSE(ended) << "a second outcome";
                                     ended = std::move(outcome);
                                 }});
        world.upstream.deliver(response_of(200, "{}"));
    }
    void poll(HttpResponse response) {
        world.loop.advance(Milliseconds(1'000));
        world.upstream.deliver(std::move(response));
    }
    [[nodiscard]] size_t calls() const { return world.upstream.calls.size(); }
    [[nodiscard]] size_t cancels() const { return world.upstream.sent_off.size(); }

    FakeWorld world;
    SlowDialect dialect;
    Provider provider;
    Params params;
    std::unique_ptr<Attempt> attempt;
    std::optional<Outcome> ended;
};

TEST_F(PollingAttempt, SubmitsOnceAndPollsUntilTheEnd) {
    submit();
    EXPECT_TRUE(attempt->may_be_billed());
    poll(state("Working"));
    poll(undelivered(TransferEnd::lost));
    poll(state("Done"));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->type, OutcomeType::made);
    ASSERT_EQ(calls(), 4U);
    for (size_t i = 1; i < 4; ++i) {
        const HttpCall &call = world.upstream.calls[i]->call;
        EXPECT_EQ(call.method, HttpMethod::get);
        EXPECT_EQ(call.url, "https://slow.example/jobs/1");
        EXPECT_EQ(call.proxy, "http://proxy");
        EXPECT_EQ(call.timeouts.total, Milliseconds(30'000)) << "a poll is no long affair";
    }
    attempt.reset();
    EXPECT_EQ(cancels(), 0U) << "of what has ended, nothing is cancelled";
    EXPECT_EQ(world.loop.running(), 0U);
}

TEST_F(PollingAttempt, AddsWhatOnlyTheSubmitKnew) {
    dialect.job.cost = 30'000;
    submit();
    poll(response_of(200, R"({"status":"Done","prompt":"a kite"})"));
    ASSERT_TRUE(ended);
    ASSERT_EQ(ended->result.images.size(), 1U);
    EXPECT_EQ(ended->result.cost, 30'000);
    EXPECT_EQ(ended->result.images[0].seed, 17);
    EXPECT_EQ(ended->result.images[0].revised_prompt, "") << "nobody revised it";
}

TEST_F(PollingAttempt, BelievesTheEndMoreThanTheBeginning) {
    dialect.job.cost = 30'000;
    submit();
    poll(response_of(200, R"({"status":"Done","prompt":"a red kite","seed":4,"cost":50000})"));
    ASSERT_TRUE(ended);
    ASSERT_EQ(ended->result.images.size(), 1U);
    EXPECT_EQ(ended->result.cost, 50'000);
    EXPECT_EQ(ended->result.images[0].seed, 4);
    EXPECT_EQ(ended->result.images[0].revised_prompt, "a red kite");
}

TEST_F(PollingAttempt, TellsNoSeedOfSeveralImages) {
    dialect.images = 2;
    submit();
    poll(state("Done"));
    ASSERT_TRUE(ended);
    ASSERT_EQ(ended->result.images.size(), 2U);
    EXPECT_FALSE(ended->result.images[0].seed);
    EXPECT_FALSE(ended->result.cost);
}

TEST_F(PollingAttempt, PassesOnARefusal) {
    submit();
    poll(state("not decent"));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->type, OutcomeType::refused_by_policy);
    attempt.reset();
    EXPECT_EQ(cancels(), 0U);
}

TEST_F(PollingAttempt, LettingGoCancelsAtTheProviderOnce) {
    submit();
    poll(state("Working"));
    attempt.reset();
    ASSERT_EQ(cancels(), 1U);
    EXPECT_EQ(world.upstream.sent_off[0].url, "https://slow.example/jobs/1/cancel");
    EXPECT_EQ(world.upstream.sent_off[0].proxy, "http://proxy");
    EXPECT_EQ(world.upstream.sent_off[0].timeouts.total, Milliseconds(5'000));
    EXPECT_EQ(world.loop.running(), 0U);
    EXPECT_FALSE(ended);
}

TEST_F(PollingAttempt, LettingGoWithAPollUnderWayCancelsBoth) {
    submit();
    world.loop.advance(Milliseconds(500));
    attempt.reset();
    EXPECT_EQ(world.upstream.count(FakeUpstream::State::cancelled), 1U);
    EXPECT_EQ(cancels(), 1U);
}

TEST_F(PollingAttempt, EndsAfterTheProvidersTotalTime) {
    provider.timeouts.total = Milliseconds(10'000);
    submit();
    poll(state("Working"));
    world.loop.advance(Milliseconds(9'000));
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->type, OutcomeType::unknown);
    EXPECT_EQ(ended->error.code, "timed_out");
    EXPECT_EQ(cancels(), 1U);
    const size_t before = calls();
    world.loop.advance(Milliseconds(60'000));
    EXPECT_EQ(calls(), before);
    attempt.reset();
    EXPECT_EQ(cancels(), 1U) << "not twice";
}

TEST_F(PollingAttempt, IsOurDoingWhereTheLastPollWasHeldUpByUs) {
    provider.timeouts.total = Milliseconds(10'000);
    for (const bool delayed : {false, true}) {
        for (const bool under_way : {false, true}) {
            ended.reset();
            submit();
            HttpResponse working = state("Working");
            working.delayed = delayed && !under_way;
            poll(std::move(working));
            if (under_way) {
                world.loop.advance(Milliseconds(2'000));
                world.upstream.calls.back()->delayed = delayed;
            }
            world.loop.advance(Milliseconds(10'000));
            ASSERT_TRUE(ended);
            EXPECT_EQ(ended->error.code, "timed_out");
            EXPECT_EQ(ended->is_our_doing, delayed) << under_way;
            attempt.reset();
        }
    }
}

TEST_F(PollingAttempt, PollsHardlyLongerThanWhatIsLeft) {
    submit(Milliseconds(3'000));
    world.loop.advance(Milliseconds(500));
    EXPECT_EQ(world.upstream.calls.back()->call.timeouts.total, Milliseconds(3'500));
}

TEST_F(PollingAttempt, AJobThatIsNotToldOfIsCancelled) {
    submit();
    for (int i = 0; i < 8 && !ended; ++i) {
        world.loop.advance(Milliseconds(10'000));
        world.upstream.deliver(page(404));
    }
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->type, OutcomeType::unknown);
    attempt.reset();
    EXPECT_EQ(cancels(), 1U) << "it may well go on";
}

TEST_F(PollingAttempt, SendsNoPollToOtherHosts) {
    for (const char *url :
         {"https://evil.example/jobs/1", "https://slow.example.evil.example/jobs/1",
          "https://slow.example:8443/jobs/1", "http://slow.example/jobs/1",
          "https://me@slow.example/jobs/1", "https://jobs.slow.example/1",
          "https://jobs.a.b.slow.example/1", "http://jobs.eu.slow.example/1", "/jobs/1",
          "file:///etc/passwd", ""}) {
        ended.reset();
        dialect.job.poll_url = url;
        submit();
        ASSERT_TRUE(ended) << url;
        EXPECT_EQ(ended->type, OutcomeType::unknown) << url;
        EXPECT_EQ(ended->error.code, "poll_url_refused") << url;
        const size_t before = calls();
        world.loop.advance(Milliseconds(60'000));
        EXPECT_EQ(calls(), before) << url;
        const size_t cancelled = cancels();
        attempt.reset();
        EXPECT_EQ(cancels(), cancelled + 1) << "as nobody will ask for it";
    }
}

TEST_F(PollingAttempt, SendsPollsToTheHostsThatAreTheProvidersOwn) {
    for (const char *url : {"https://slow.example/elsewhere?id=1", "https://SLOW.example:443/x",
                            "https://jobs.eu.slow.example/1"}) {
        dialect.job.poll_url = url;
        submit();
        world.loop.advance(Milliseconds(500));
        EXPECT_EQ(world.upstream.calls.back()->call.url, url);
        attempt.reset();
    }
}

TEST_F(PollingAttempt, SendsNoCancelToOtherHosts) {
    dialect.job.cancel_url = "https://evil.example/cancel";
    submit();
    attempt.reset();
    EXPECT_EQ(cancels(), 0U);
}

}  // namespace
}  // namespace gateway

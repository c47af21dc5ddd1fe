// A job whose worker dies while its provider works on a job of its own, and the worker that goes on
// with it.
#include <gtest/gtest.h>

#include "core/sharing/orphaned_jobs.h"
#include "exchange_world.h"
#include "fake_records.h"

namespace gateway {
namespace {

const std::string kJobUrl = "https://f/m/requests/";
constexpr std::string_view kSecretPrompt = "a kite of the king";

class OrphanedJobsTest : public ExchangeTest {
 protected:
    OrphanedJobsTest() {
        add_provider("f", {"sk-f"}, "fal");
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"fal":[{"model":"m","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":1}},
                "price":{"per_image":[{"usd":0.03}]}}]}})",
            models.catalogue().get())));
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->keys = {"a key that is long"};
        policy.sharing.jobs.on = true;
        policy.sharing.place = "here";
        policy.keys = ring_of(key_json("k", R"("budgets":[{"usd":1,"per":"day"}])"));
        world.ports.owner = &owner;
        world.ports.sharing = &sharing;
    }
    ~OrphanedJobsTest() override {
        exchange.reset();
        running.reset();
        heir_running.reset();
    }

    void start_job(int images = 1) {
        RequestHead head = as("sk-bf-k");
        head.prefer = "respond-async";
        head.path = "/v1/images/generations";
        open(head);
        body = R"({"prompt":")" + std::string(kSecretPrompt) + R"(","model":"f/m","n":)" +
               std::to_string(images) + "}";
        run(body);
        EXPECT_EQ(told.status(), 202) << told.answer->body.copy();
    }
    void submitted(size_t call, const std::string &host = kJobUrl) {
        const std::string url = host + std::to_string(call);
        FakeUpstream::deliver(
            *world.upstream.calls.at(call),
            response_of(200, R"({"status_url":")" + url + R"(/status","response_url":")" + url +
                                 R"(","cancel_url":")" + url + "/cancel\"}"));
    }
    // The worker ends as if it were killed: it settles nothing, and cancels nothing.
    void die() {
        exchange.reset();
        running.reset();
        ledger.sweep(
            now(), [](int32_t process) { return process != 7; },
            [this](const Orphaned &lost) { booked += lost.usd; });
    }
    void ask_at_once(const char *key) {
        RequestHead head = as("sk-bf-k");
        head.idempotency_key = key;
        head.path = "/v1/images/generations";
        body = R"({"prompt":"a","model":"f/m"})";
        ask(body, head);
    }
    void take_over(const char *place = "here", RecordKind kind = RecordKind::job) {
        OrphanedJob job;
        job.kind = kind;
        job.id = records.noted.back().first;
        job.request_id = "req";
        job.keep = 100;
        job.making = records.noted.back().second;
        records.orphans.push_back(std::move(job));
        calls_before = world.upstream.calls.size();
        heir.emplace(OrphanedJobs::Parts{
            world.clock, world.loop, world.log, world.ports.memory, records, *heir_running, models,
            heir_accounts,
            [this, place](std::string_view name) {
                return name == place ? std::optional(MakingPlace{policy.hosting, policy.fetch_rules,
                                                                 policy.keys})
                                     : std::nullopt;
            },
            [] { return false; }});
        world.loop.advance(Milliseconds(600));
    }
    // The answer to the call that the heir made last.
    void answer(const HttpResponse &response) {
        FakeUpstream::deliver(*world.upstream.calls.back(), response);
    }
    void complete() {
        answer(response_of(200, R"({"status":"COMPLETED"})"));
        answer(response_of(200, R"({"images":[{"url":"https://f/a.png"}],"prompt":")" +
                                    std::string(kSecretPrompt) + "\"}"));
    }
    MicroUsd spent() {
        return ledger.use_of(policy.keys->find_id("k")->account, now())
            .spent[static_cast<size_t>(Period::day)];
    }

    struct NoOwner final : CallbackOwner {
        void end_by_exception(const char *what) noexcept override { ADD_FAILURE() << what; }
    } owner;
    FakeRecords records;
    FakeHome home{world.ports, records};
    std::optional<MakingRegister> running{std::in_place, world.loop, health, home};
    SharingPorts sharing{*running, &records};
    LedgerAccounts heir_accounts{ledger, world.clock, 9};
    std::optional<MakingRegister> heir_running{std::in_place, world.loop, health, home};
    std::optional<OrphanedJobs> heir;
    std::string body;
    MicroUsd booked = 0;
    size_t calls_before = 0;
};

TEST_F(OrphanedJobsTest, TheHeirPollsAndTheMoneyCountsOnce) {
    start_job();
    EXPECT_TRUE(records.noted.empty()) << "there is no job yet";
    submitted(0);
    ASSERT_EQ(records.noted.size(), 1U);
    EXPECT_EQ(records.noted[0].second.find(kSecretPrompt), std::string::npos);
    EXPECT_EQ(records.noted[0].second.find("sk-"), std::string::npos);
    die();
    EXPECT_EQ(booked, 0);
    EXPECT_TRUE(records.finished.empty());
    take_over();
    ASSERT_EQ(world.upstream.calls.size(), calls_before + 1);
    EXPECT_EQ(world.upstream.calls.back()->call.url, kJobUrl + "0/status");
    complete();
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_EQ(records.finished[0].status, "completed");
    EXPECT_NE(records.finished[0].facts.find("https://f/a.png"), std::string::npos);
    EXPECT_EQ(spent(), 30'000);
    EXPECT_TRUE(world.upstream.sent_off.empty()) << "nothing is cancelled";
}

TEST_F(OrphanedJobsTest, AnotherWorkerGoesOnWithAKeyedRequestToo) {
    ask_at_once("key");
    submitted(0);
    ASSERT_EQ(records.noted.size(), 1U);
    die();
    EXPECT_TRUE(world.upstream.sent_off.empty()) << "nothing is cancelled";
    take_over("here", RecordKind::keyed);
    ASSERT_EQ(world.upstream.calls.size(), calls_before + 1);
    EXPECT_EQ(world.upstream.calls.back()->call.url, kJobUrl + "0/status");
    complete();
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_EQ(records.finished[0].request_id, "req");
    EXPECT_NE(records.finished[0].facts.find("https://f/a.png"), std::string::npos);
    EXPECT_EQ(spent(), 30'000);
}

TEST_F(OrphanedJobsTest, ASharedRequestForWhichNobodyWaitsIsCancelledByItsHeir) {
    policy.sharing.coalesce = {true, false, true};
    ask_at_once("");
    submitted(0);
    ASSERT_EQ(records.noted.size(), 1U);
    die();
    take_over("here", RecordKind::shared);
    EXPECT_EQ(world.upstream.sent_off.size(), 1U);
    EXPECT_EQ(heir_running->size(), 0U);
}

TEST_F(OrphanedJobsTest, AJobThatTheConfigurationDoesNotKnowEndsAsInterrupted) {
    start_job();
    submitted(0);
    die();
    take_over("elsewhere");
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_TRUE(records.finished[0].facts.empty());
    EXPECT_EQ(world.upstream.calls.size(), calls_before);
    world.loop.advance(Milliseconds(121'000));
    ledger.sweep(
        now(), [](int32_t process) { return process != 7; },
        [this](const Orphaned &lost) { booked += lost.usd; });
    EXPECT_EQ(booked, 30'000);
}

TEST_F(OrphanedJobsTest, ADamagedNoteEndsAsInterrupted) {
    start_job();
    submitted(0);
    die();
    const std::string whole = records.noted.back().second;
    for (const std::string &text : {std::string("{}"), std::string("no JSON"),
                                    whole.substr(0, whole.size() / 2), std::string()}) {
        records.noted.back().second = text;
        records.finished.clear();
        take_over();
        ASSERT_EQ(records.finished.size(), 1U) << text;
        EXPECT_TRUE(records.finished[0].facts.empty());
    }
}

TEST_F(OrphanedJobsTest, AddressesAreCheckedAgain) {
    start_job();
    submitted(0);
    die();
    std::string &text = records.noted.back().second;
    for (size_t at = 0; (at = text.find("https://f/m", at)) != std::string::npos;) {
        text.replace(at, 11, "https://evil/m");
    }
    take_over();
    EXPECT_EQ(world.upstream.calls.size(), calls_before);
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_EQ(records.finished[0].status, "failed");
    EXPECT_EQ(spent(), 30'000) << "it may have been billed";
}

TEST_F(OrphanedJobsTest, ACallWithoutAJobIsLost) {
    start_job(2);
    submitted(0);
    die();
    take_over();
    complete();
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_EQ(records.finished[0].status, "completed");
    EXPECT_NE(records.finished[0].facts.find("worker_stopped"), std::string::npos);
    EXPECT_EQ(spent(), 60'000);
}

TEST_F(OrphanedJobsTest, AFailureThatWasSeenAtOnceMayHaveBeenFollowedByAnotherCall) {
    start_job();
    submitted(0);
    die();
    take_over();
    answer(response_of(200, R"({"status":"FAILED"})"));
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_NE(records.finished[0].facts.find(R"("outcome":"unknown")"), std::string::npos);
    EXPECT_EQ(spent(), 30'000);
}

TEST_F(OrphanedJobsTest, AFailureThatTheHeirHasWaitedForIsTheProviders) {
    start_job();
    submitted(0);
    die();
    take_over();
    answer(response_of(200, R"({"status":"IN_PROGRESS"})"));
    world.loop.advance(Milliseconds(5'000));
    answer(response_of(200, R"({"status":"FAILED"})"));
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_NE(records.finished[0].facts.find(R"("outcome":"broken")"), std::string::npos);
    EXPECT_EQ(spent(), 0);
    EXPECT_EQ(world.upstream.calls.back()->call.url, kJobUrl + "0/status") << "no second submit";
}

TEST_F(OrphanedJobsTest, WhatEndedBadlyIsNotedNoMore) {
    start_job();
    submitted(0);
    world.loop.advance(Milliseconds(600));
    answer(response_of(200, R"({"status":"FAILED"})"));
    ASSERT_EQ(records.noted.size(), 2U);
    EXPECT_TRUE(records.noted[1].second.empty());
}

TEST_F(OrphanedJobsTest, AWorkerWhoseTimeIsOverLeavesItsJobs) {
    start_job();
    submitted(0);
    world.loop.leaving_in = Milliseconds(0);
    world.loop.advance(Milliseconds(1'000));
    EXPECT_TRUE(records.finished.empty());
    EXPECT_TRUE(world.upstream.sent_off.empty());
    EXPECT_EQ(running->size(), 0U);
    world.loop.leaving_in.reset();
    die();
    take_over();
    complete();
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_EQ(records.finished[0].status, "completed");
    EXPECT_EQ(spent(), 30'000);
}

TEST_F(OrphanedJobsTest, AJobThatNoProviderHasTakenEndsWithItsWorker) {
    start_job();
    world.loop.leaving_in = Milliseconds(0);
    world.loop.advance(Milliseconds(1'000));
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_TRUE(records.finished[0].facts.empty());
    EXPECT_EQ(spent(), 30'000);
}

}  // namespace
}  // namespace gateway

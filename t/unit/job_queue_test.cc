// Jobs that may not begin yet: which one begins next, what waiting costs, and how it ends.
#include <gtest/gtest.h>

#include <deque>

#include "core/sharing/job_queue.h"
#include "exchange_world.h"
#include "fake_records.h"

namespace gateway {
namespace {

class JobQueueTest : public ExchangeTest {
 protected:
    JobQueueTest() {
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->keys = {"a key that is long"};
        policy.sharing.jobs.on = true;
        limit(R"("limits":{"concurrent":1})");
        remembers_health = true;
        world.ports.owner = &owner;
        world.ports.sharing = &sharing;
    }
    ~JobQueueTest() override {
        clients.clear();
        exchange.reset();
        queue.reset();
        running.reset();
    }

    void limit(const std::string &more) {
        policy.keys = ring_of(key_json("k", more) + "," + key_json("other"));
    }
    // The status of the job's resource; of a refusal, its code.
    std::string send(std::string_view key = "k", const std::string &model = "a/gpt-image-2",
                     const char *prefer = "respond-async") {
        if (exchange != nullptr) {
            clients.push_back(std::move(exchange));
        }
        secrets.push_back("sk-bf-" + std::string(key));
        RequestHead head = as(secrets.back());
        head.prefer = prefer;
        head.path = "/v1/images/generations";
        open(head);
        if (told.answers == 0) {
            run(R"({"prompt":"for )" + std::string(key) + R"(","model":")" + model + "\"}");
        }
        if (told.status() == 0) {
            return "";
        }
        const ReadJson json = told.json();
        return std::string(told.status() == 202 ? json["status"].string()
                                                : json["error"]["code"].string());
    }
    std::string id() { return std::string(told.json()["id"].string()); }
    std::shared_ptr<SharedMaking> job(const std::string &id) {
        return running->find(job_record(id));
    }
    // The provider's answer to this call; the job ends when its result is written.
    void complete(size_t call) {
        FakeUpstream::deliver(*world.upstream.calls.at(call), images(1));
        world.files.end_keeping(world.files.kept.size() - 1, Written::whole);
        pass(50);
    }
    void pass(int64_t milliseconds) { world.loop.advance(Milliseconds(milliseconds)); }
    [[nodiscard]] size_t calls() const { return world.upstream.calls.size(); }
    bool is_call_for(size_t call, std::string_view key) {
        return world.upstream.calls.at(call)->call.body.copy().find("for " + std::string(key)) !=
               std::string::npos;
    }
    const RecordEnd &last_end() { return records.finished.back(); }

    NoOwner owner;
    FakeRecords records;
    FakeHome home{world.ports, records};
    std::optional<MakingRegister> running{std::in_place, world.loop, health, home};
    WaitingPlaces places{ledger, world.clock, 7};
    std::optional<JobQueue> queue{std::in_place, world.clock, world.loop, health, places};
    SharingPorts sharing{*running, &records, &*queue};
    std::deque<std::string> secrets;
    std::vector<std::unique_ptr<Exchange>> clients;
};

TEST_F(JobQueueTest, AJobBeyondConcurrentWaitsForItsTurn) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    EXPECT_EQ(send(), "queued");
    pass(5'000);
    EXPECT_EQ(calls(), 1U);
    EXPECT_EQ(queue->size(), 2U);
    EXPECT_EQ(running->count_jobs().waiting, 2);
    complete(0);
    EXPECT_EQ(calls(), 2U);
    complete(1);
    EXPECT_EQ(calls(), 3U);
    complete(2);
    EXPECT_EQ(running->count_jobs().running, 0);
    EXPECT_EQ(records.finished.size(), 3U);
    EXPECT_EQ(last_end().status, "completed");
}

TEST_F(JobQueueTest, ThatAJobBeginsIsWrittenBeforeAProviderIsAsked) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    ASSERT_EQ(records.waiting.size(), 1U);
    EXPECT_TRUE(records.waiting[0].second);
    records.noted_as = WaitNoted::unavailable;
    complete(0);
    EXPECT_EQ(records.waiting.size(), 2U);
    EXPECT_FALSE(records.waiting[1].second);
    EXPECT_EQ(calls(), 1U) << "it could not be written";
    records.noted_as = WaitNoted::yes;
    pass(1'000);
    EXPECT_EQ(calls(), 2U);
}

TEST_F(JobQueueTest, AJobThatCannotBeWrittenEndsAfterAWhile) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    records.noted_as = WaitNoted::unavailable;
    complete(0);
    pass(60'000);
    EXPECT_EQ(calls(), 1U);
    EXPECT_NE(last_end().facts.find("jobs_unavailable"), std::string::npos);
    EXPECT_EQ(send(), "in_progress") << "its place is free";
}

TEST_F(JobQueueTest, AJobThatWasCancelledInAnotherWorkerDoesNotBegin) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    records.noted_as = WaitNoted::cancelled;
    complete(0);
    EXPECT_EQ(calls(), 1U);
    EXPECT_EQ(last_end().status, "cancelled");
}

TEST_F(JobQueueTest, CallersTakeTurns) {
    const_cast<Provider &>(*models.providers().front()).max_calls = 1;
    limit(R"("limits":{"concurrent":10})");
    EXPECT_EQ(send("k"), "in_progress");
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(send("k"), "queued");
    }
    EXPECT_EQ(send("other"), "queued");
    EXPECT_EQ(send("other"), "queued");
    for (size_t call = 0; call < 4; ++call) {
        pass(100);
        EXPECT_EQ(calls(), call + 1) << "one at a time";
        complete(call);
    }
    int others = 0;
    for (size_t call = 1; call <= 4; ++call) {
        others += is_call_for(call, "other") ? 1 : 0;
    }
    EXPECT_EQ(others, 2);
}

TEST_F(JobQueueTest, WhoHasNoJobsThatWaitIsNotDelayedByThoseWhoHave) {
    EXPECT_EQ(send("k"), "in_progress");
    for (int i = 0; i < 25; ++i) {
        EXPECT_EQ(send("k"), "queued");
    }
    EXPECT_EQ(send("k"), "too_many_jobs") << "a quarter of the places";
    EXPECT_EQ(told.status(), 429);
    EXPECT_EQ(told.header("Retry-After"), "10");
    EXPECT_EQ(send("other"), "in_progress");
    EXPECT_EQ(calls(), 2U);
}

TEST_F(JobQueueTest, AJobThatCannotBeginDoesNotKeepBackAnotherCandidatesJob) {
    const_cast<Provider &>(*models.providers().front()).max_calls = 1;
    limit("\"limits\":{\"concurrent\":10}");
    EXPECT_EQ(send("k"), "in_progress");
    EXPECT_EQ(send("k"), "queued");
    EXPECT_EQ(send("other"), "queued");
    pass(50);
    EXPECT_EQ(send("other", "b/gpt-image-2"), "queued") << "it has no turn before the others";
    pass(50);
    EXPECT_EQ(asked(), "a b");
}

TEST_F(JobQueueTest, WithinALookOnlyAsManyBeginAsHaveRoom) {
    const_cast<Provider &>(*models.providers().front()).max_calls = 2;
    limit(R"("limits":{"concurrent":100})");
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "in_progress");
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(send(), "queued");
    }
    complete(0);
    EXPECT_EQ(calls(), 3U);
    EXPECT_EQ(running->count_jobs().waiting, 9);
}

TEST_F(JobQueueTest, WhatIsNoJobDoesNotWait) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send("k", "a/gpt-image-2", ""), "rate_limit_exceeded");
    policy.sharing.jobs.waiting = 0;
    EXPECT_EQ(send(), "rate_limit_exceeded");
}

TEST_F(JobQueueTest, AllOtherLimitsRefuseAtOnce) {
    limit(R"("limits":{"concurrent":1,"requests_per_minute":2})");
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    EXPECT_EQ(send(), "rate_limit_exceeded");
    pass(120'000);
    limit(R"("limits":{"concurrent":1},"budgets":[{"usd":0.000001,"per":"day"}])");
    EXPECT_EQ(send(), "budget_exceeded");
    EXPECT_EQ(told.status(), 402);
}

TEST_F(JobQueueTest, APlaceIsFreeAgainAfterARequestThatIsRefused) {
    policy.sharing.jobs.waiting = 4;
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send("k", "nothing/like-this"), "model_not_found");
    EXPECT_EQ(send(), "queued");
    EXPECT_EQ(send(), "too_many_jobs");
}

TEST_F(JobQueueTest, AJobThatIsCancelledWhileItWaitsCostsNothing) {
    policy.sharing.jobs.waiting = 4;
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    const auto waits = job(id());
    ASSERT_NE(waits, nullptr);
    waits->cancel();
    EXPECT_EQ(last_end().status, "cancelled");
    pass(50);
    EXPECT_EQ(queue->size(), 0U);
    EXPECT_EQ(send(), "queued") << "its place is free";
    complete(0);
    EXPECT_EQ(calls(), 2U);
}

TEST_F(JobQueueTest, AnExceptionEndsOneJobAndTheOthersBegin) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    EXPECT_EQ(send(), "queued");
    records.throws = 1;
    complete(0);
    pass(100);
    EXPECT_EQ(calls(), 2U) << "the last one has begun";
    ASSERT_EQ(records.finished.size(), 2U);
    EXPECT_NE(last_end().facts.find("\"status\":500"), std::string::npos) << last_end().facts;
    complete(1);
    EXPECT_EQ(send(), "in_progress") << "nothing is left under concurrent";
}

TEST_F(JobQueueTest, TheDeadlineCountsFromTheBegin) {
    policy.deadline = Milliseconds(10'000);
    EXPECT_EQ(send("k", "a/gpt-image-2"), "in_progress");
    policy.deadline = Milliseconds(3'000);
    EXPECT_EQ(send("k", "a/gpt-image-2"), "queued");
    pass(9'000);
    complete(0);
    ASSERT_EQ(calls(), 2U);
    pass(2'000);
    EXPECT_EQ(records.finished.size(), 1U);
    pass(2'000);
    ASSERT_EQ(records.finished.size(), 2U);
    EXPECT_NE(last_end().facts.find("deadline_exceeded"), std::string::npos);
}

TEST_F(JobQueueTest, AJobThatWaitsForAnHourIsRefused) {
    policy.deadline = Milliseconds(36'000'000);
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    pass(3'601'000);
    EXPECT_NE(last_end().facts.find("waited_too_long"), std::string::npos);
    EXPECT_EQ(last_end().status, "failed");
    EXPECT_EQ(calls(), 1U);
}

TEST_F(JobQueueTest, AWorkerThatEndsSaysThatNothingWasMade) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    clients.clear();
    exchange.reset();
    queue.reset();
    running.reset();
    ASSERT_EQ(records.finished.size(), 2U);
    const bool first_waited = records.finished[0].facts.find("job_lost") != std::string::npos;
    const RecordEnd &waited = records.finished[first_waited ? 0 : 1];
    EXPECT_NE(waited.facts.find("job_lost"), std::string::npos);
    EXPECT_EQ(waited.status, "failed");
    EXPECT_TRUE(records.finished[first_waited ? 1 : 0].facts.empty());
}

TEST_F(JobQueueTest, AJobWaitsWhileMemoryIsInUse) {
    const size_t all = world.memory->limit();
    const auto reader = world.memory->open({9, 9});
    const auto unread = reader->begin_answer();
    unread->take(all);
    EXPECT_EQ(send("other", "a/gpt-image-2", ""), "overloaded") << "what is no job";
    EXPECT_EQ(send("other"), "queued");
    EXPECT_EQ(send("k"), "queued");
    pass(5'000);
    EXPECT_EQ(calls(), 0U);
    unread->give_back(all);
    pass(50);
    EXPECT_EQ(calls(), 2U);
}

TEST_F(JobQueueTest, AWorkerThatIsAboutToEndBeginsNothing) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send(), "queued");
    world.loop.leaving_in = Milliseconds(400);
    complete(0);
    EXPECT_EQ(calls(), 1U);
    world.loop.leaving_in = Milliseconds(0);
    pass(600);
    EXPECT_NE(last_end().facts.find("job_lost"), std::string::npos);
    EXPECT_EQ(calls(), 1U);
}

TEST_F(JobQueueTest, AClientMayWaitForAJobThatWaits) {
    EXPECT_EQ(send(), "in_progress");
    EXPECT_EQ(send("k", "a/gpt-image-2", "respond-async, wait=2"), "");
    pass(2'100);
    ASSERT_EQ(told.status(), 202);
    EXPECT_EQ(told.json()["status"].string(), "queued");
    EXPECT_EQ(send("k", "a/gpt-image-2", "respond-async, wait=60"), "");
    complete(0);
    complete(1);
    complete(2);
    EXPECT_EQ(told.status(), 200);
}

TEST_F(JobQueueTest, OrdersThatWaitHoldAPartOfTheMemory) {
    const auto memory = HeldMemory::create({.limit = 64 * 1024, .share = 100});
    Order order(accounts);
    order.memory = memory->open({1, 1});
    order.body = std::string(1'000, 'x');
    EXPECT_TRUE(queue->may_hold(order));
    order.body = std::string(3'000, 'x');
    EXPECT_FALSE(queue->may_hold(order)) << "more than a quarter of a quarter";
}

}  // namespace
}  // namespace gateway

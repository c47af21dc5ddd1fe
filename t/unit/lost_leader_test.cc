// A request that takes a record over whose leader has died: it goes on as after calls whose outcome
// is unknown.
#include <gtest/gtest.h>

#include "core/sharing/joining.h"
#include "core/sharing/unasked.h"
#include "exchange_world.h"
#include "fake_records.h"

namespace gateway {
namespace {

constexpr int32_t kDead = 1;
constexpr int32_t kOwn = 7;

class LostLeaderTest : public ExchangeTest {
 protected:
    LostLeaderTest() {
        EXPECT_TRUE(KeysInUse::prepare(notes_memory.region(), true, 7));
        policy.hosting = std::make_shared<Hosting>();
        policy.hosting->directory = "/store";
        policy.hosting->lifetime = 60;
        policy.hosting->keys = {"a key that is long"};
        policy.keys = ring_of(key_json("k"));
        policy.sharing.coalesce = {true, false, true};
        world.ports.owner = &owner;
        world.ports.sharing = &sharing;
        sharing.keys = &own;
    }
    ~LostLeaderTest() override { exchange.reset(); }

    // The leader of the record: it has asked these, and not yet the others.
    void leader_died_after_asking(const std::string &asked) {
        Claimed claimed;
        claimed.answer = Claimed::Answer::taken_over;
        claimed.request_id = "first";
        claimed.process = kDead;
        records.answers.push_back(claimed);
        records.on_claim = [this, asked](const RecordId &id) {
            const auto plan = make_plan(models, {}, "chain", {}, world.random);
            left_by_dead = std::make_unique<Unasked>(dead, id, *plan, now(), 1'000'000);
            for (const Candidate &candidate : plan->candidates) {
                if (asked.find(candidate.provider->name) != std::string::npos) {
                    left_by_dead->remove(candidate);
                }
            }
        };
    }
    void ask_for(const char *model, const char *key = "key") {
        RequestHead head = as("sk-bf-k");
        head.idempotency_key = key;
        head.path = "/v1/images/generations";
        body = R"({"prompt":"a","model":")" + std::string(model) + "\"}";
        ask(body, head);
    }
    // The client leaves, and nobody else waits.
    void leave() {
        exchange.reset();
        world.loop.advance(Milliseconds(1));
    }
    [[nodiscard]] std::string key_of_call(size_t number) const {
        for (const std::string &line : world.upstream.calls.at(number)->call.headers) {
            if (line.starts_with("Idempotency-Key: ")) {
                return line.substr(17);
            }
        }
        return "";
    }

    NoOwner owner;
    FakeMemory notes_memory{8192};
    // The dead process still has its number: nobody has waited for it.
    KeysInUse own{notes_memory, kOwn, [](int32_t) { return true; }};
    KeysInUse dead{notes_memory, kDead, [](int32_t) { return true; }};
    FakeRecords records;
    FakeHome home{world.ports, records};
    std::optional<MakingRegister> running{std::in_place, world.loop, health, home};
    SharingPorts sharing{*running, &records};
    std::unique_ptr<Unasked> left_by_dead;  // a killed process removes nothing
    std::string body;
};

TEST_F(LostLeaderTest, WhatWasNotAskedYetIsMadeAsIfTheLeaderHadNeverBeen) {
    leader_died_after_asking("");
    ask_for("chain");
    EXPECT_EQ(asked(), "a");
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(listed(), "a made");
    world.files.end_keeping(0, Written::whole);
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_EQ(records.finished[0].request_id, "first") << "as the record has it";
}

TEST_F(LostLeaderTest, AProviderThatMayHaveBeenAskedIsPassedOver) {
    leader_died_after_asking("a");
    ask_for("chain");
    EXPECT_EQ(asked(), "b");
    world.upstream.deliver(images(1));
    EXPECT_EQ(told.status(), 200);
    EXPECT_EQ(listed(), "a unknown, b made");
}

TEST_F(LostLeaderTest, WhenNobodyMayBeAskedTheRecordEndsWithoutACall) {
    leader_died_after_asking("a b c");
    ask_for("chain");
    EXPECT_EQ(asked(), "");
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(told.json()["error"]["code"].string(), "outcome_unknown");
    EXPECT_EQ(told.header("x-should-retry"), "false");
    EXPECT_EQ(records.forgotten, 1);
    EXPECT_NE(records.forgotten_by, "first") << "so that it ends as interrupted";
}

TEST_F(LostLeaderTest, WithoutNotesInMemoryAllMayHaveBeenAsked) {
    leader_died_after_asking("");
    sharing.keys = nullptr;
    ask_for("chain");
    EXPECT_EQ(asked(), "");
    EXPECT_EQ(told.status(), 502);
}

TEST_F(LostLeaderTest, AFailureAfterThatIsKeptBecauseTheFirstCallMayBeBilled) {
    leader_died_after_asking("a b");
    ask_for("chain");
    ASSERT_EQ(asked(), "c");
    world.upstream.deliver(response_for(OutcomeType::our_credentials));
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(told.header("x-should-retry"), "false");
    EXPECT_EQ(records.forgotten, 0);
    ASSERT_EQ(records.finished.size(), 1U);
    EXPECT_NE(records.finished[0].facts.find("worker_stopped"), std::string::npos);
}

TEST_F(LostLeaderTest, AnOperatorWhoWantsNoFallbackAfterUnknownGetsNone) {
    add_alias("strict", {{"a/gpt-image-2"}, {"b/gpt-image-2"}, {"c/gpt-image-2"}},
              AfterUnknown::fail);
    leader_died_after_asking("a");
    ask_for("strict");
    EXPECT_EQ(asked(), "");
    EXPECT_EQ(told.status(), 502);
}

TEST_F(LostLeaderTest, AProviderThatTakesKeysGetsTheSameCallWithTheSameKey) {
    Provider *provider = add_provider("k", {"sk-secret-k"});
    provider->takes_idempotency = true;
    provider->retry.attempts = 2;
    ask_for("k/gpt-image-2", "");
    const std::string own_key = key_of_call(0);
    const std::string first = exchange->request_id();
    leave();
    Claimed claimed;
    claimed.answer = Claimed::Answer::taken_over;
    claimed.request_id = first;
    claimed.process = kDead;
    records.answers.push_back(claimed);
    ask_for("k/gpt-image-2", "");
    ASSERT_EQ(asked(), "k k");
    EXPECT_NE(own_key, "");
    EXPECT_EQ(key_of_call(1), own_key);
}

TEST_F(LostLeaderTest, ALeaderNotesWhomItHasNotAskedUntilItAsks) {
    RecordId record{};
    records.on_claim = [&](const RecordId &id) { record = id; };
    ask_for("chain");
    const auto plan = make_plan(models, {}, "chain", {}, world.random);
    const auto names = [&] {
        std::string text;
        for (const Candidate &one : candidates_asked_by(kOwn, own, record, *plan)) {
            text += one.provider->name;
        }
        return text;
    };
    EXPECT_EQ(names(), "a");
    world.upstream.deliver(response_for(OutcomeType::our_credentials));
    EXPECT_EQ(names(), "ab");
}

TEST_F(LostLeaderTest, WhoTakesOverNotesWhatMayHaveBeenAskedBefore) {
    RecordId record{};
    leader_died_after_asking("a");
    const auto leave = std::move(records.on_claim);
    records.on_claim = [&](const RecordId &id) {
        record = id;
        leave(id);
    };
    ask_for("chain");
    const auto plan = make_plan(models, {}, "chain", {}, world.random);
    const auto now_asked = candidates_asked_by(kOwn, own, record, *plan);
    ASSERT_EQ(now_asked.size(), 2U);
    EXPECT_EQ(now_asked[1].provider->name, "b");
}

TEST_F(LostLeaderTest, WhoIsRefusedAfterTakingOverLetsAnotherOneLead) {
    policy.keys = ring_of(key_json("k", R"("limits":{"images_per_minute":1})"));
    leader_died_after_asking("");
    RequestHead head = as("sk-bf-k");
    head.idempotency_key = "key";
    head.path = "/v1/images/generations";
    body = R"({"prompt":"a","model":"chain","n":2})";
    ask(body, head);
    EXPECT_EQ(told.status(), 400);
    EXPECT_EQ(records.forgotten, 1);
    EXPECT_EQ(records.forgotten_by, "first") << "so that it is removed";
}

TEST_F(LostLeaderTest, AFollowerOfASharedRequestIsToldAndANewOneMakesItsOwn) {
    leader_died_after_asking("a b c");
    ask_for("chain", "");
    EXPECT_EQ(asked(), "a") << "it has waited for nobody";
    EXPECT_EQ(records.forgotten, 1);
    EXPECT_TRUE(records.finished.empty());
    leave();

    Claimed waits;
    waits.answer = Claimed::Answer::running;
    records.answers = {waits};
    leader_died_after_asking("a b c");
    ask_for("chain", "");
    world.loop.advance(Milliseconds(50));
    EXPECT_EQ(asked(), "a");
    EXPECT_EQ(told.status(), 502);
    EXPECT_EQ(told.json()["error"]["code"].string(), "outcome_unknown");
}

TEST_F(LostLeaderTest, AFollowerWaitsWhenTheRecordsCannotBeWritten) {
    Claimed waits;
    waits.answer = Claimed::Answer::running;
    records.answers = {waits, Claimed(), Claimed()};
    leader_died_after_asking("a");
    ask_for("chain", "");
    world.loop.advance(Milliseconds(15));
    EXPECT_EQ(asked(), "") << "it makes nothing that another request may have made";
    world.loop.advance(Milliseconds(500));
    EXPECT_EQ(asked(), "b");
}

}  // namespace
}  // namespace gateway

// Webhook messages in the file of records: a message becomes due when its job ends, one process
// sends it at a time, and parties take turns.
#include <gtest/gtest.h>

#include <set>

#include "state/process_identity.h"
#include "state/records_file.h"
#include "state_directory.h"

namespace gateway {
namespace {

using Answer = Claimed::Answer;
using What = MessageEnd::What;

class StateMessagesTest : public StateDirectoryTest {
 protected:
    RecordsFile open(const std::string &identity = own_identity()) {
        auto file = RecordsFile::open(path, identity);
        EXPECT_TRUE(file) << file.error().text;
        return std::move(*file);
    }
    static void run(RecordsFile &file, RecordOperation &operation, int64_t now) {
        RecordOperation *all[] = {&operation};
        const auto done = file.run(all, now);
        ASSERT_TRUE(done) << done.error().text;
    }
    static RecordId record_of(int number) {
        return {static_cast<uint8_t>(number), static_cast<uint8_t>(number >> 8)};
    }
    Answer begin(int number, const std::string &party = "a",
                 const std::string &url = "https://example.com/x", int64_t now = kNow) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::claim;
        RecordClaim &claim = operation.claim;
        claim.id = record_of(number);
        claim.kind = RecordKind::job;
        claim.owner = party;
        claim.request_id = "req_" + std::to_string(number);
        claim.keep = 100;
        claim.job = {"job_" + std::to_string(number), party, "image_generation", "p/m", ""};
        claim.webhook = {url, "msg_" + std::to_string(number), party, "/key\n\n"};
        run(file, operation, now);
        return operation.claimed.answer;
    }
    void finish(int number, const std::string &status = "completed", int64_t now = kNow) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::finish;
        operation.end.id = record_of(number);
        operation.end.facts = status.empty() ? "" : "{}";
        operation.end.status = status;
        operation.end.expires = now + 100;
        operation.end.request_id = "req_" + std::to_string(number);
        run(file, operation, now);
    }
    void job(int number, const std::string &party = "a",
             const std::string &url = "https://example.com/x") {
        EXPECT_EQ(begin(number, party, url), Answer::ours);
        finish(number);
    }
    ClaimedMessages claim(RecordsFile &file, size_t room = 32, int64_t now = kNow) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::claim_messages;
        operation.message_claim = {room, after, true};
        run(file, operation, now);
        after = operation.messages.after;
        return std::move(operation.messages);
    }
    ClaimedMessages claim(size_t room = 32, int64_t now = kNow) { return claim(file, room, now); }
    void end(const std::string &id, What what, int64_t due = 0) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::end_message;
        operation.message_end = {id, what, due};
        run(file, operation, kNow);
    }
    static std::set<std::string> ids(const ClaimedMessages &claimed) {
        std::set<std::string> all;
        for (const Message &message : claimed.messages) {
            all.insert(message.id);
        }
        return all;
    }

    RecordsFile file = open();
    std::string after;
};

TEST_F(StateMessagesTest, AMessageIsDueWhenItsJobHasEnded) {
    begin(1);
    EXPECT_TRUE(claim().messages.empty());
    finish(1, "cancelled", kNow + 7);
    const ClaimedMessages claimed = claim(32, kNow + 8);
    ASSERT_EQ(claimed.messages.size(), 1U);
    const Message &message = claimed.messages[0];
    EXPECT_EQ(message.id, "msg_1");
    EXPECT_EQ(message.job, "job_1");
    EXPECT_EQ(message.caller, "a");
    EXPECT_EQ(message.url, "https://example.com/x");
    EXPECT_EQ(message.rules, "/key\n\n");
    EXPECT_EQ(message.status, "cancelled");
    EXPECT_EQ(message.operation, "image_generation");
    EXPECT_EQ(message.model, "p/m");
    EXPECT_EQ(message.created, kNow);
    EXPECT_EQ(message.ended, kNow + 7);
    EXPECT_EQ(message.expires, kNow + 107);
    EXPECT_EQ(message.attempts, 1);
    EXPECT_EQ(message.begun, kNow + 8);
}

TEST_F(StateMessagesTest, AJobThatIsInterruptedHasFailed) {
    {
        RecordsFile died = open("999999999 1 x");
        std::swap(file, died);
        begin(1);
        std::swap(file, died);
    }
    EXPECT_TRUE(claim().messages.empty());
    RecordOperation sweep;
    run(file, sweep, kNow + 1);
    const ClaimedMessages claimed = claim(32, kNow + 1);
    ASSERT_EQ(claimed.messages.size(), 1U);
    EXPECT_EQ(claimed.messages[0].status, "failed");
}

TEST_F(StateMessagesTest, AJobThatWasRefusedLeavesNoMessage) {
    begin(1);
    RecordOperation forget;
    forget.kind = RecordOperation::Kind::forget;
    forget.end.id = record_of(1);
    forget.request_id = "req_1";
    run(file, forget, kNow);
    EXPECT_EQ(begin(1), Answer::ours) << "the id of the message is free";
    finish(1);
    EXPECT_EQ(claim().messages.size(), 1U);
}

TEST_F(StateMessagesTest, OneProcessSendsAMessageAtATime) {
    RecordsFile other = open("1 1 other");
    job(1);
    EXPECT_EQ(claim().messages.size(), 1U);
    EXPECT_TRUE(claim(other).messages.empty());
    EXPECT_TRUE(claim().messages.empty());
    end("msg_1", What::again, kNow + 5);
    EXPECT_TRUE(claim(other, 32, kNow + 4).messages.empty());
    const ClaimedMessages again = claim(other, 32, kNow + 5);
    ASSERT_EQ(again.messages.size(), 1U);
    EXPECT_EQ(again.messages[0].attempts, 2);
    EXPECT_EQ(again.messages[0].begun, kNow);
    end("msg_1", What::again, kNow + 99);  // by a process that does not have it any more
    EXPECT_EQ(claim(file, 32, kNow + 5 + 121).messages.size(), 1U) << "a claim runs out";
    end("msg_1", What::delivered);
    EXPECT_EQ(claim(32, kNow + 100'000).waiting, 0);
}

TEST_F(StateMessagesTest, AProcessThatDiesLosesItsMessages) {
    RecordsFile dead = open("999999999 1 x");
    job(1);
    EXPECT_EQ(claim(dead).messages.size(), 1U);
    RecordOperation sweep;
    run(file, sweep, kNow);
    EXPECT_EQ(claim().messages.size(), 1U);
}

TEST_F(StateMessagesTest, AfterA410NothingMoreGoesToThisUrlOfThisParty) {
    job(1);
    job(2);
    job(3, "b");
    begin(4);
    EXPECT_EQ(ids(claim(1)), std::set<std::string>{"msg_1"});
    end("msg_1", What::gone);
    finish(4);
    const ClaimedMessages claimed = claim();
    EXPECT_EQ(ids(claimed), std::set<std::string>{"msg_3"}) << "it is another caller's";
    EXPECT_EQ(claimed.dropped, 2U);
    EXPECT_EQ(begin(5), Answer::receiver_gone);
    EXPECT_EQ(begin(5, "b"), Answer::ours);
    EXPECT_EQ(begin(6, "a", "https://example.com/y"), Answer::ours);
    RecordOperation sweep;
    run(file, sweep, kNow + 31 * 86'400);
    EXPECT_EQ(begin(7), Answer::ours) << "a month later it is forgotten";
}

TEST_F(StateMessagesTest, ARemovedJobTakesItsMessageAlong) {
    job(1);
    RecordOperation remove;
    remove.kind = RecordOperation::Kind::remove_job;
    remove.query.tenant = "a";
    remove.query.id = "job_1";
    run(file, remove, kNow);
    EXPECT_TRUE(claim().messages.empty());
}

TEST_F(StateMessagesTest, AMessageOutlivesTheResultOfItsJob) {
    job(1);
    RecordOperation sweep;
    run(file, sweep, kNow + 1'000);
    EXPECT_EQ(claim(32, kNow + 1'000).messages.size(), 1U);
}

TEST_F(StateMessagesTest, AFloodOfOnePartyLeavesTurnsForOthers) {
    for (int i = 0; i < 300; ++i) {
        job(i, "flood", "https://h" + std::to_string(i) + ".example/");
    }
    job(1000, "a");
    job(1001, "b");
    const ClaimedMessages claimed = claim();
    EXPECT_EQ(claimed.messages.size(), 18U) << "16 for each party";
    EXPECT_TRUE(ids(claimed).contains("msg_1000") && ids(claimed).contains("msg_1001"));
    EXPECT_TRUE(claimed.blocked);
    EXPECT_EQ(claimed.waiting, 302);
}

TEST_F(StateMessagesTest, PartiesTakeTurnsAlsoWhereThereIsRoomForOneOnly) {
    for (int i = 0; i < 20; ++i) {
        job(i, "flood", "https://h" + std::to_string(i) + ".example/");
    }
    job(100, "a");
    job(101, "z");
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) {
        seen.merge(ids(claim(1)));
    }
    EXPECT_TRUE(seen.contains("msg_100") && seen.contains("msg_101")) << seen.size();
}

TEST_F(StateMessagesTest, AFloodToAHostLeavesPlacesOfThisHostForOthers) {
    for (int i = 0; i < 40; ++i) {
        job(i, "a");
    }
    for (int i = 40; i < 43; ++i) {
        job(i, "b");  // to the same host
    }
    std::set<std::string> sent;
    for (int round = 0; round < 2; ++round) {
        const ClaimedMessages claimed = claim(16);
        EXPECT_EQ(claimed.messages.size(), 8U);
        for (const std::string &id : ids(claimed)) {
            sent.insert(id);
            end(id, What::delivered);
        }
    }
    for (int i = 40; i < 43; ++i) {
        EXPECT_TRUE(sent.contains("msg_" + std::to_string(i))) << i;
    }
}

TEST_F(StateMessagesTest, AMessageThatNobodySendsIsForgottenAfterTwoDays) {
    job(1);
    RecordOperation sweep;
    run(file, sweep, kNow + 2 * 86'400);
    EXPECT_EQ(claim(1, kNow + 2 * 86'400).waiting, 1);
    job(2);
    RecordOperation later;
    run(file, later, kNow + 2 * 86'400 + 1);
    EXPECT_EQ(claim(1, kNow + 2 * 86'400 + 1).waiting, 0);
}

TEST_F(StateMessagesTest, ASlowHostHasABoundedNumberOfPlaces) {
    for (int i = 0; i < 100; ++i) {
        job(i, i % 2 == 0 ? "a" : "b", "https://slow.example/");
    }
    job(200, "a", "https://quick.example/");
    const ClaimedMessages claimed = claim();
    EXPECT_EQ(claimed.messages.size(), 9U);
    EXPECT_TRUE(ids(claimed).contains("msg_200"));
    EXPECT_TRUE(claim().messages.empty());
    end(*ids(claimed).begin(), What::delivered);
    EXPECT_EQ(claim().messages.size(), 1U);
}

TEST_F(StateMessagesTest, ManyPartiesThatWaitDelayNobodyForLong) {
    for (int i = 0; i < 1000; ++i) {
        job(i, "p" + std::to_string(i), "https://h" + std::to_string(i) + ".example/");
    }
    size_t sent = 0;
    for (int i = 0; i < 100 && sent < 1000; ++i) {
        const ClaimedMessages claimed = claim();
        for (const Message &message : claimed.messages) {
            end(message.id, What::again, kNow + 3'600);
            ++sent;
        }
    }
    EXPECT_EQ(sent, 1000U);
    job(2000, "zz");
    size_t looks = 0;
    while (claim().messages.empty() && looks < 20) {
        ++looks;
    }
    EXPECT_LE(looks, 6U);
}

TEST_F(StateMessagesTest, APartyMayHaveABoundedNumberOfMessages) {
    auto database = Database::open(path);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->run(
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
         std::to_string(kMessagesWaiting) +
         ") INSERT INTO messages (id, job, caller, party, url, host, receiver, rules, operation,"
         " model, created) SELECT 'm' || i, 'j' || i, 'a', 'a', 'u', 'h', 'r', '', '', '', 0 FROM "
         "n")
            .c_str()));
    EXPECT_EQ(begin(1), Answer::too_many_messages);
    EXPECT_EQ(begin(2, "b"), Answer::ours);
}

TEST_F(StateMessagesTest, AFileOfAnEarlierVersionGetsTheTables) {
    auto database = Database::open(path);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->run("DROP TRIGGER message_of_ended_job; DROP TRIGGER message_of_forgotten_job;"
                      "DROP TABLE messages; DROP TABLE gone_receivers"));
    file = open();
    job(1);
    EXPECT_EQ(claim().messages.size(), 1U);
}

}  // namespace
}  // namespace gateway

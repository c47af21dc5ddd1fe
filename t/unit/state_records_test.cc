// The file of records: each request is made once, whichever process asks.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "state/process_identity.h"
#include "state/records_file.h"
#include "state_directory.h"

namespace gateway {
namespace {

using Answer = Claimed::Answer;

// The identity of a process that has ended.
std::string ended_process() {
    int pipes[2];
    EXPECT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        const std::string own = own_identity();
        _exit(write(pipes[1], own.data(), own.size()) > 0 ? 0 : 1);
    }
    char text[256];
    const ssize_t size = read(pipes[0], text, sizeof(text));
    close(pipes[0]);
    close(pipes[1]);
    waitpid(child, nullptr, 0);
    return {text, static_cast<size_t>(size)};
}

class StateRecordsTest : public StateDirectoryTest {
 protected:
    RecordsFile open(const std::string &identity) {
        auto file = RecordsFile::open(path, identity);
        EXPECT_TRUE(file) << file.error().text;
        return std::move(*file);
    }
    RecordsFile open() { return open(own_identity()); }

    static void run(RecordsFile &file, RecordOperation &operation, int64_t now = kNow) {
        RecordOperation *all[] = {&operation};
        const auto done = file.run(all, now);
        EXPECT_TRUE(done) << done.error().text;
    }
    static Claimed claim(RecordsFile &file, uint8_t id, uint8_t order = 1,
                         RecordKind kind = RecordKind::keyed, int64_t now = kNow, size_t max = 0,
                         const char *owner = "a", const char *store = "/store") {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::claim;
        operation.claim = {{id}, kind,  {order}, owner, "req_" + std::to_string(id),
                           100,  store, max,     {}};
        run(file, operation, now);
        return operation.claimed;
    }
    static void finish(RecordsFile &file, uint8_t id, const std::string &images = "",
                       size_t bytes = 0, const std::string &request = "") {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::finish;
        operation.end.id = {id};
        operation.end.facts = "{}";
        operation.end.file = images;
        operation.end.file_bytes = images.empty() ? 0 : std::filesystem::file_size(images);
        operation.end.bytes = bytes;
        operation.end.expires = kNow + 100;
        operation.end.request_id = request.empty() ? "req_" + std::to_string(id) : request;
        run(file, operation);
    }
    static void forget(RecordsFile &file, uint8_t id, const std::string &request) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::forget;
        operation.end.id = {id};
        operation.request_id = request;
        run(file, operation);
    }
    static bool is_wanted(RecordsFile &file, uint8_t id) {
        RecordOperation operation;
        operation.kind = RecordOperation::Kind::is_wanted;
        operation.ids = {{id}};
        operation.request_id = "req_" + std::to_string(id);
        run(file, operation);
        return operation.wanted;
    }
    static void sweep(RecordsFile &file, int64_t now) {
        RecordOperation operation;
        run(file, operation, now);
    }
};

void note(RecordsFile &file, uint8_t id, const std::string &making) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::note;
    operation.ids = {{id}};
    operation.making = making;
    RecordOperation *all[] = {&operation};
    EXPECT_TRUE(file.run(all, kNow));
}

std::vector<OrphanedJob> take_over(RecordsFile &file) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::take_over;
    RecordOperation *all[] = {&operation};
    EXPECT_TRUE(file.run(all, kNow));
    return operation.orphans;
}

TEST_F(StateRecordsTest, TheFirstClaimsAndTheOthersSeeHowFarItIs) {
    RecordsFile one = open();
    RecordsFile two = open();
    EXPECT_EQ(claim(one, 1).answer, Answer::ours);
    EXPECT_EQ(claim(two, 1).answer, Answer::running);
    EXPECT_EQ(claim(two, 1, 9).answer, Answer::other_order);
    EXPECT_EQ(claim(two, 1, 9).request_id, "req_1");
    finish(one, 1);
    const Claimed ended = claim(two, 1);
    EXPECT_EQ(ended.answer, Answer::ended);
    EXPECT_EQ(ended.kept->facts, "{}");
    EXPECT_EQ(claim(two, 2).answer, Answer::ours);
}

TEST_F(StateRecordsTest, AnEndedRecordIsForgottenWhenItsTimeIsOver) {
    RecordsFile file = open();
    claim(file, 1);
    finish(file, 1);
    EXPECT_EQ(claim(file, 1, 1, RecordKind::keyed, kNow + 99).answer, Answer::ended);
    EXPECT_EQ(claim(file, 1, 9, RecordKind::keyed, kNow + 100).answer, Answer::ours);
}

TEST_F(StateRecordsTest, OnlyTheRequestThatClaimedARecordForgetsOrEndsIt) {
    RecordsFile file = open();
    claim(file, 1);
    forget(file, 1, "req_other");
    finish(file, 1, "", 0, "req_other");
    EXPECT_EQ(claim(file, 1).answer, Answer::running);
    forget(file, 1, "req_1");
    EXPECT_EQ(claim(file, 1).answer, Answer::ours);
}

TEST_F(StateRecordsTest, TheNextRequestTakesARecordOfADeadProcessOverAndNoOther) {
    const std::string process = ended_process();
    RecordsFile dead = open(process);
    RecordsFile one = open();
    RecordsFile two = open("1 0 another machine's");
    for (const RecordKind kind : {RecordKind::keyed, RecordKind::shared}) {
        const auto id = static_cast<uint8_t>(10 + static_cast<int>(kind));
        EXPECT_EQ(claim(dead, id, 1, kind).answer, Answer::ours);
        EXPECT_EQ(claim(one, id, 9, kind).answer, Answer::other_order);
        const Claimed taken = claim(one, id, 1, kind);
        EXPECT_EQ(taken.answer, Answer::taken_over);
        EXPECT_EQ(taken.request_id, "req_" + std::to_string(id));
        EXPECT_EQ(taken.process, number_of(process));
        EXPECT_EQ(claim(one, id, 1, kind).answer, Answer::running);
        EXPECT_EQ(claim(two, id, 1, kind).answer, Answer::running);
        finish(dead, id);
        EXPECT_EQ(claim(two, id, 1, kind).answer, Answer::running) << "a dead process ends nothing";
        finish(one, id);
        EXPECT_EQ(claim(two, id, 1, kind).answer, Answer::ended);
    }
}

TEST_F(StateRecordsTest, TheSweepLeavesTimeToTakeARecordOver) {
    RecordsFile dead = open(ended_process());
    RecordsFile file = open();
    claim(dead, 1);
    sweep(file, kNow);
    sweep(file, kNow + 4);
    EXPECT_EQ(claim(file, 1).answer, Answer::taken_over);
    sweep(file, kNow + 100);
    EXPECT_EQ(claim(file, 1).answer, Answer::running) << "its new process runs";
}

TEST_F(StateRecordsTest, WhoGoesAwayAfterTakingOverLeavesAnInterruptedRecord) {
    RecordsFile dead = open(ended_process());
    RecordsFile file = open();
    claim(dead, 1);
    ASSERT_EQ(claim(file, 1).answer, Answer::taken_over);
    forget(file, 1, "req_that_has_not_heard_the_answer");
    const Claimed again = claim(file, 1, 1, RecordKind::keyed, kNow + 99);
    EXPECT_EQ(again.answer, Answer::ended);
    EXPECT_TRUE(again.kept->facts.empty());
    claim(dead, 2);
    ASSERT_EQ(claim(file, 2).answer, Answer::taken_over);
    forget(file, 2, "req_2");
    EXPECT_EQ(claim(file, 2).answer, Answer::ours) << "it knows that nothing was asked";
}

TEST_F(StateRecordsTest, ARequestThatEndsItsProcessesEndsOnlyAFewOfThem) {
    size_t leaders = 0;
    for (int i = 0; i < 10; ++i) {
        RecordsFile next = open(ended_process());
        const Answer answer = claim(next, 1).answer;
        leaders += answer == Answer::ours || answer == Answer::taken_over ? 1 : 0;
    }
    EXPECT_EQ(leaders, 5U);
    RecordsFile last = open();
    EXPECT_EQ(claim(last, 1).answer, Answer::ended) << "as interrupted";
}

TEST_F(StateRecordsTest, NotedMakingsOfAllKindsHaveHeirs) {
    RecordsFile dead = open(ended_process());
    claim(dead, 1, 1, RecordKind::keyed);
    claim(dead, 2, 1, RecordKind::shared);
    note(dead, 1, "noted");
    note(dead, 2, "noted");
    RecordsFile heir = open();
    EXPECT_EQ(claim(heir, 1).answer, Answer::running) << "it waits for the heir";
    const auto orphans = take_over(heir);
    ASSERT_EQ(orphans.size(), 2U);
    EXPECT_EQ(orphans[0].kind, RecordKind::keyed);
    EXPECT_EQ(orphans[1].kind, RecordKind::shared);
}

TEST_F(StateRecordsTest, TheSweepEndsRecordsOfDeadProcessesAndDropsOldOnes) {
    RecordsFile dead = open(ended_process());
    RecordsFile file = open();
    claim(dead, 1);
    claim(file, 2);
    claim(file, 3);
    finish(file, 3);
    sweep(file, kNow);
    sweep(file, kNow + 5);
    EXPECT_EQ(claim(file, 1).answer, Answer::ended);
    EXPECT_EQ(claim(file, 2).answer, Answer::running);
    sweep(file, kNow + 1000);
    EXPECT_EQ(claim(file, 2).answer, Answer::running) << "it is in progress, however long";
    EXPECT_EQ(claim(file, 3, 9).answer, Answer::ours);
}

TEST_F(StateRecordsTest, SharedRecordsAreKeptOnlyIfSomebodyWaits) {
    RecordsFile file = open();
    claim(file, 1, 1, RecordKind::shared);
    EXPECT_FALSE(is_wanted(file, 1));
    EXPECT_EQ(claim(file, 1, 1, RecordKind::shared).answer, Answer::ours);
    EXPECT_EQ(claim(file, 1, 1, RecordKind::shared).answer, Answer::running);
    EXPECT_TRUE(is_wanted(file, 1));
}

TEST_F(StateRecordsTest, ImagesAreReadFromTheFileThatWasWrittenAndFromNoOther) {
    RecordsFile file = open();
    const std::string images = directory + "/images";
    std::ofstream(images) << "base64";
    claim(file, 1);
    finish(file, 1, images, 6);
    const Claimed found = claim(file, 1);
    ASSERT_EQ(found.kept->images.size(), 6U);
    char text[6];
    const FileRange range = found.kept->images.slices().front().file;
    EXPECT_EQ(pread(range.descriptor, text, 6, 0), 6);
    EXPECT_EQ(std::string(text, 6), "base64");
    std::ofstream(images) << "other";
    EXPECT_TRUE(claim(file, 1).kept->facts.empty());
    std::filesystem::remove(images);
    std::filesystem::create_symlink("/etc/passwd", images);
    EXPECT_TRUE(claim(file, 1).kept->facts.empty());
}

TEST_F(StateRecordsTest, WhatIsKeptIsSummedUpAndBounded) {
    RecordsFile file = open();
    const auto claim_by = [&](const char *owner, uint8_t id, const char *store = "/store") {
        return claim(file, id, 1, RecordKind::keyed, kNow, 601, owner, store).answer;
    };
    EXPECT_EQ(claim_by("a", 1), Answer::ours);
    finish(file, 1, "", 449);
    EXPECT_EQ(claim_by("a", 2), Answer::ours) << "a caller may use all that is free";
    finish(file, 2, "", 151);
    EXPECT_EQ(claim_by("a", 3), Answer::full_for_owner) << "and leaves the last quarter to others";
    EXPECT_EQ(claim_by("b", 3), Answer::ours);
    finish(file, 3, "", 1);
    EXPECT_EQ(claim_by("c", 4), Answer::full);
    EXPECT_EQ(claim_by("c", 4, "/other"), Answer::ours) << "another store has room of its own";
    sweep(file, kNow + 100);
    EXPECT_EQ(claim_by("a", 5), Answer::ours);
}

// A file of an earlier gateway knows no stores.
TEST_F(StateRecordsTest, WhatAnEarlierGatewayHasKeptCountsInEachStore) {
    {
        RecordsFile file = open();
        claim(file, 1);
        finish(file, 1, "", 600);
    }
    auto database = Database::open(path);
    ASSERT_TRUE(database);
    ASSERT_TRUE(
        database->run("DROP TRIGGER kept_changed; DROP TRIGGER kept_removed;"
                      "DROP TABLE kept_in_stores; DROP TABLE kept_of_callers;"
                      "ALTER TABLE records DROP COLUMN store"));
    RecordsFile file = open();
    const auto claim_by = [&](const char *owner, uint8_t id) {
        return claim(file, id, 1, RecordKind::keyed, kNow, 700, owner).answer;
    };
    EXPECT_EQ(claim_by("a", 2), Answer::full_for_owner);
    EXPECT_EQ(claim_by("b", 2), Answer::ours);
    finish(file, 2, "", 100);
    EXPECT_EQ(claim_by("b", 3), Answer::full);
    sweep(file, kNow + 100);
    EXPECT_EQ(claim_by("a", 4), Answer::ours);
}

// What cannot be opened is not gone.
TEST_F(StateRecordsTest, WithoutAFreeDescriptorAResultIsUnavailableAndNotInterrupted) {
    RecordsFile file = open();
    const std::string images = directory + "/images";
    std::ofstream(images) << "base64";
    claim(file, 1);
    finish(file, 1, images, 6);
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const int next = dup(0);
    ASSERT_GE(next, 0);
    close(next);
    const rlimit none{static_cast<rlim_t>(next), limit.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const Answer meanwhile = claim(file, 1).answer;
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(meanwhile, Answer::unavailable);
    EXPECT_EQ(claim(file, 1).answer, Answer::ended);
    EXPECT_EQ(claim(file, 1).kept->images.size(), 6U);
}

TEST_F(StateRecordsTest, AFileOfAnotherProgramIsLeftAlone) {
    std::ofstream(path) << "this is no database, but it is somebody's file\n";
    EXPECT_FALSE(RecordsFile::open(path, own_identity()));
    std::filesystem::remove(path);
    auto other = Database::open(path);
    ASSERT_TRUE(other->run("CREATE TABLE mine (x)"));
    const auto opened = RecordsFile::open(path, own_identity());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().kind, StateProblem::Kind::other);
}

TEST(ProcessIdentity, OfAProcessThatNobodyHasWaitedForIsThatOfAnEndedOne) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        const std::string own = own_identity();
        _exit(write(pipes[1], own.data(), own.size()) > 0 ? 0 : 1);
    }
    char text[256];
    const ssize_t size = read(pipes[0], text, sizeof(text));
    ASSERT_GT(size, 0);
    siginfo_t ended{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(is_running({text, static_cast<size_t>(size)}));
    waitpid(child, nullptr, 0);
    close(pipes[0]);
    close(pipes[1]);
}

TEST(ProcessIdentity, TellsARunningProcessFromAnEndedOne) {
    EXPECT_TRUE(is_running(own_identity()));
    EXPECT_FALSE(is_running(ended_process()));
    EXPECT_FALSE(is_running(""));
    EXPECT_FALSE(is_running("0 1 x"));
    std::string reused = own_identity();
    reused.insert(reused.find(' ') + 1, "9");  // another start
    EXPECT_FALSE(is_running(reused));
}

TEST_F(StateRecordsTest, ANotedJobOfADeadProcessIsTakenOverOnce) {
    RecordsFile dead = open(ended_process());
    claim(dead, 1, 1, RecordKind::job);
    claim(dead, 2, 1, RecordKind::job);
    note(dead, 1, "noted");
    RecordsFile heir = open();
    sweep(heir, kNow);
    const auto jobs = take_over(heir);
    ASSERT_EQ(jobs.size(), 1U) << "the other one has no job to ask for";
    EXPECT_EQ(jobs[0].id, RecordId{1});
    EXPECT_EQ(jobs[0].making, "noted");
    EXPECT_EQ(jobs[0].request_id, "req_1");
    EXPECT_TRUE(take_over(heir).empty());
    RecordsFile other = open("1 0 another machine's");
    EXPECT_TRUE(take_over(other).empty()) << "its process runs";
    note(dead, 1, "too late");
    EXPECT_EQ(claim(heir, 1, 1, RecordKind::job).answer, Answer::running);
    EXPECT_EQ(claim(heir, 2, 1, RecordKind::job).answer, Answer::ended) << "as interrupted";
}

bool note_waiting(RecordsFile &file, uint8_t id, bool waits) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::note_waiting;
    operation.ids = {{id}};
    operation.waits = waits;
    RecordOperation *all[] = {&operation};
    EXPECT_TRUE(file.run(all, kNow));
    return !operation.cancelled;
}

// Of the jobs without a tenant, which have no ids here.
std::vector<JobRecord> jobs_in(RecordsFile &file, const char *status) {
    RecordOperation operation;
    operation.kind = RecordOperation::Kind::find_jobs;
    operation.query.status = status;
    operation.query.limit = 10;
    RecordOperation *all[] = {&operation};
    EXPECT_TRUE(file.run(all, kNow));
    return operation.jobs;
}

TEST_F(StateRecordsTest, OfADeadProcessItIsKnownWhichJobsHadNotBegun) {
    RecordsFile dead = open(ended_process());
    RecordsFile alive = open();
    for (uint8_t id = 1; id <= 2; ++id) {
        claim(dead, id, 1, RecordKind::job);
        EXPECT_TRUE(note_waiting(dead, id, true));
    }
    EXPECT_EQ(jobs_in(alive, "queued").size(), 2U);
    EXPECT_TRUE(note_waiting(dead, 2, false));
    EXPECT_EQ(jobs_in(alive, "queued").size(), 1U);
    EXPECT_FALSE(note_waiting(alive, 1, false)) << "it is not its job";
    sweep(alive, kNow);
    EXPECT_FALSE(note_waiting(dead, 1, false)) << "it has ended";
    const auto failed = jobs_in(alive, "failed");
    ASSERT_EQ(failed.size(), 2U);
    EXPECT_EQ(failed[0].state, JobState::interrupted);
    EXPECT_EQ(failed[0].status + failed[1].status, "queued");
    EXPECT_TRUE(jobs_in(alive, "queued").empty());
}

TEST_F(StateRecordsTest, AJobThatEndsItsProcessesIsNotTakenOverForEver) {
    {
        RecordsFile first = open(ended_process());
        claim(first, 1, 1, RecordKind::job);
        note(first, 1, "noted");
    }
    size_t taken = 0;
    for (int i = 0; i < 25; ++i) {
        RecordsFile next = open(ended_process());
        taken += take_over(next).size();
    }
    EXPECT_EQ(taken, 19U);
    RecordsFile last = open();
    EXPECT_EQ(claim(last, 1, 1, RecordKind::job).answer, Answer::ended);
}

TEST_F(StateRecordsTest, AFileOfAnEarlierGatewayGetsTheColumnsOfJobsThatAreTakenOver) {
    { (void)open(); }
    {
        auto database = Database::open(path);
        ASSERT_TRUE(database);
        ASSERT_TRUE(
            database->run("ALTER TABLE records DROP COLUMN making;"
                          "ALTER TABLE records DROP COLUMN owners"));
    }
    RecordsFile file = open();
    claim(file, 1, 1, RecordKind::job);
    note(file, 1, "noted");
    EXPECT_TRUE(take_over(file).empty());
}

}  // namespace
}  // namespace gateway

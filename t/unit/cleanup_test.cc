// What is removed from a bucket, and what a strange store can make the cleanup do.
#include "core/s3/cleanup.h"

#include <gtest/gtest.h>

#include <set>

#include "core/s3/expiry_groups.h"
#include "fake_ports.h"
#include "responses.h"

namespace gateway {
namespace {

class CleanupTest : public testing::Test {
 protected:
    CleanupTest() {
        bucket->name = "pictures";
        bucket->prefix = "p";
        bucket->endpoint = "http://store.example";
        bucket->scope = {"us-east-1"};
        bucket->key = {"AKEXAMPLE", "secret"};
        bucket->lifetime = 3600;
        cleanup.emplace(
            BucketCleanup::Parts{world.clock, world.loop, world.random, world.upstream, world.log},
            bucket);
    }
    // The group whose interval has ended so many seconds ago.
    [[nodiscard]] std::string group(int64_t ago) const {
        return group_of(world.clock.unix_seconds() - ago, 1);
    }
    static std::string image(int number) {
        std::string name(26, 'a');
        for (size_t i = 0; number > 0; ++i, number /= 26) {
            name[25 - i] = static_cast<char>('a' + number % 26);
        }
        return name + ".png";
    }
    static std::string list_of(const std::vector<std::string> &groups) {
        std::string xml;
        for (const std::string &one : groups) {
            xml += "<CommonPrefixes><Prefix>p/" + one + "/</Prefix></CommonPrefixes>";
        }
        return xml;
    }
    static std::string list_of(const std::string &group, int first, int count) {
        std::string xml;
        for (int i = first; i < first + count; ++i) {
            xml += "<Contents><Key>p/" + group + "/" + image(i) + "</Key></Contents>";
        }
        return xml;
    }
    // Waits for the next list.
    void wake() {
        const size_t before = calls();
        for (int i = 0; i < 1000 && calls() == before; ++i) {
            world.loop.advance(Milliseconds(1'000));
        }
        ASSERT_EQ(calls(), before + 1) << "nothing was listed";
    }
    void answer(const std::string &body, int status = 200) {
        world.upstream.deliver(response_of(status, body));
    }
    [[nodiscard]] size_t calls() const { return world.upstream.calls.size(); }
    [[nodiscard]] const HttpCall &last() const { return world.upstream.calls.back()->call; }
    // Answers the removals that are open, and returns the names of their objects.
    std::set<std::string> answer_removals(int status = 204) {
        std::set<std::string> names;
        for (size_t i = 0; i < world.upstream.calls.size(); ++i) {
            const auto call = world.upstream.calls[i];
            if (call->call.method == HttpMethod::remove &&
                call->state == FakeUpstream::State::open) {
                names.insert(call->call.url.substr(call->call.url.rfind('/') + 1));
                FakeUpstream::deliver(*call, response_of(status, ""));
            }
        }
        return names;
    }

    FakeWorld world;
    std::shared_ptr<Bucket> bucket = std::make_shared<Bucket>();
    std::optional<BucketCleanup> cleanup;
};

TEST_F(CleanupTest, RemovesWhatIsDueAndNothingElse) {
    wake();
    EXPECT_TRUE(
        last().url.ends_with("/pictures?delimiter=%2F&list-type=2&max-keys=500&prefix=p%2F"))
        << last().url;
    const std::string due = group(301);
    answer(list_of({due, group(299), group(-3600), "holiday"}));
    ASSERT_EQ(calls(), 2U);
    EXPECT_TRUE(last().url.ends_with("prefix=p%2F" + due + "%2F")) << last().url;
    answer(list_of(due, 0, 20) + "<Contents><Key>p/" + due + "/thesis.pdf</Key></Contents>");
    std::set<std::string> removed;
    size_t most = 0;
    while (removed.size() < 20) {
        const auto some = answer_removals();
        most = std::max(most, some.size());
        removed.insert(some.begin(), some.end());
        world.loop.advance(Milliseconds(20));
        ASSERT_LE(world.clock.now(), Milliseconds(10'000));
    }
    EXPECT_LE(most, 8U) << "not all at once";
    EXPECT_EQ(removed.count("thesis.pdf"), 0U);
    EXPECT_EQ(last().method, HttpMethod::get) << "whether there are more";
    answer("");
    EXPECT_TRUE(world.log.mentions("removed 20 images from \"s3://pictures/p\""));
    const size_t before = calls();
    world.loop.advance(Milliseconds(1'000));
    EXPECT_EQ(calls(), before) << "it sleeps";
    wake();
}

TEST_F(CleanupTest, GoesThroughAllGroupsThatAreDue) {
    wake();
    std::set<std::string> due = {group(400), group(4'000), group(400'000)};
    answer(list_of({due.begin(), due.end()}));
    std::set<std::string> seen;
    for (int i = 0; i < 3; ++i) {
        for (const std::string &one : due) {
            if (last().url.find(one) != std::string::npos) {
                seen.insert(one);
            }
        }
        answer("");
    }
    EXPECT_EQ(seen, due);
    EXPECT_EQ(calls(), 4U);
}

TEST_F(CleanupTest, TellsAFailureOnceAndTriesLater) {
    for (int i = 0; i < 3; ++i) {
        wake();
        answer("<Error><Code>AccessDenied</Code></Error>", 403);
    }
    ASSERT_EQ(world.log.lines.size(), 1U);
    EXPECT_TRUE(
        world.log.mentions("cannot remove expired images from \"s3://pictures/p\": the store "
                           "answers with status 403 AccessDenied"));
    wake();
    world.upstream.deliver(undelivered(TransferEnd::timed_out, "too slow"));
    EXPECT_TRUE(world.log.mentions("too slow"));
}

TEST_F(CleanupTest, StopsAtARemovalThatIsRefused) {
    wake();
    const std::string due = group(400);
    answer(list_of({due, group(500)}));
    answer(list_of(due, 0, 100));
    EXPECT_EQ(answer_removals(403).size(), 8U);
    world.loop.advance(Milliseconds(100));
    EXPECT_EQ(answer_removals().size(), 0U);
    EXPECT_TRUE(world.log.mentions("status 403"));
}

TEST_F(CleanupTest, StopsIfTheStoreListsWhatItSaysItRemoved) {
    wake();
    const std::string due = group(400);
    answer(list_of({due}));
    answer(list_of(due, 0, 3));
    EXPECT_EQ(answer_removals().size(), 3U);
    const size_t before = calls();
    answer(list_of(due, 0, 3));
    world.loop.advance(Milliseconds(500));
    EXPECT_EQ(calls(), before);
    EXPECT_TRUE(world.log.mentions("lists objects that it has removed"));
}

TEST_F(CleanupTest, TakesAnObjectThatIsGoneAsRemoved) {
    wake();
    const std::string due = group(400);
    answer(list_of({due}));
    answer(list_of(due, 0, 2));
    EXPECT_EQ(answer_removals(404).size(), 2U);
    answer("");
    EXPECT_TRUE(world.log.mentions("removed 2 images"));
    EXPECT_FALSE(world.log.mentions("cannot"));
}

TEST_F(CleanupTest, CancelsWhatRunsWhenItEnds) {
    wake();
    const std::string due = group(400);
    answer(list_of({due}));
    answer(list_of(due, 0, 100));
    cleanup.reset();
    EXPECT_EQ(world.upstream.count(FakeUpstream::State::cancelled), 8U);
    world.loop.advance(Milliseconds(5'000));
    EXPECT_EQ(world.upstream.count(FakeUpstream::State::open), 0U);
}

}  // namespace
}  // namespace gateway

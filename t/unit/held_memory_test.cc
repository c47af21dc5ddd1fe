// Who may hold how much of a worker's memory, and that at least one request can always finish.
#include "core/bytes/held_memory.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <vector>

#include "core/bytes/block_pool.h"
#include "core/sse/event_reader.h"

namespace gateway {
namespace {

constexpr size_t kLimit = 64 * kBlockSize;

HeldMemory::Owner owner(uint64_t number) {
    return {number, 0};
}

// A response that arrives in blocks. `room` counts the calls of on_room.
struct Arriving {
    Arriving(std::shared_ptr<RequestMemory> request, std::shared_ptr<BlockPool> from)
        : memory(request->begin_answer()), pool(std::move(from)) {
        memory->on_room = [this] { ++room; };
    }
    ~Arriving() {
        memory->on_room = nullptr;
        memory->end();
    }
    Arriving(const Arriving &) = delete;
    Arriving &operator=(const Arriving &) = delete;

    bool take(size_t count) {
        if (!memory->reserve(count * kBlockSize, count * kBlockSize)) {
            return false;
        }
        for (; count > 0; --count) {
            blocks.push_back(pool->take(memory));
        }
        return true;
    }

    std::shared_ptr<AnswerMemory> memory;
    std::shared_ptr<BlockPool> pool;
    std::vector<Block> blocks;
    int room = 0;
};

class HeldMemoryTest : public testing::Test {
 protected:
    std::unique_ptr<Arriving> answer_of(uint64_t caller) {
        return std::make_unique<Arriving>(held->open(owner(caller)), pool);
    }
    [[nodiscard]] size_t blocks_held() const { return held->total() / kBlockSize; }

    std::shared_ptr<HeldMemory> held = HeldMemory::create({kLimit, 25});
    std::shared_ptr<BlockPool> pool = BlockPool::create(16);
};

TEST_F(HeldMemoryTest, CountsWhatIsHeldUntilTheLastOfItHasGone) {
    auto one = answer_of(1);
    ASSERT_TRUE(one->memory->reserve(3 * kBlockSize, 5 * kBlockSize));
    EXPECT_EQ(blocks_held(), 4U) << "no more than a sixteenth at once";
    Block block = pool->take(one->memory);
    EXPECT_EQ(blocks_held(), 4U) << "of what is reserved";
    one->memory->end();
    EXPECT_EQ(blocks_held(), 1U) << "what does not arrive any more goes back";
    one.reset();
    EXPECT_EQ(blocks_held(), 1U) << "though its request has ended";
    EXPECT_EQ(held->callers(), 1U);
    block.reset();
    EXPECT_EQ(held->total(), 0U);
    EXPECT_EQ(held->callers(), 0U);
}

TEST_F(HeldMemoryTest, CountsWhatARequestHoldsBesidesItsAnswers) {
    auto request = held->open(owner(1));
    request->hold(1000);
    request->hold(3000);
    EXPECT_EQ(held->total(), 3000U);
    request.reset();
    EXPECT_EQ(held->total(), 0U);
}

TEST_F(HeldMemoryTest, ACallerMayUseAllThatIsFreeUpToThreeQuarters) {
    auto first = held->open(owner(1));
    std::vector<std::unique_ptr<Arriving>> answers;
    for (int i = 0; i < 12; ++i) {
        EXPECT_TRUE(held->open(owner(1))->may_begin()) << i;
        answers.push_back(answer_of(1));
        EXPECT_TRUE(answers.back()->take(4)) << i;
    }
    EXPECT_EQ(blocks_held(), 48U);
    EXPECT_FALSE(held->open(owner(1))->may_begin());
    EXPECT_TRUE(held->open(owner(2))->may_begin()) << "who holds less than the share";
    auto other = answer_of(2);
    EXPECT_TRUE(other->take(4));
    EXPECT_FALSE(answer_of(1)->take(1));
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(other->take(4)) << i;
    }
    EXPECT_EQ(blocks_held(), 64U);
    EXPECT_FALSE(held->open(owner(3))->may_begin()) << "now there is none";
}

TEST_F(HeldMemoryTest, WhoWaitsCountsWhereCallersWithMuchBeginMore) {
    auto one = answer_of(1);
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(one->take(4));
    }
    EXPECT_TRUE(held->open(owner(1))->may_begin());
    std::vector<std::unique_ptr<Arriving>> waiting;
    for (int i = 0; i < 4; ++i) {
        waiting.push_back(answer_of(1));
        waiting.back()->take(3);
    }
    EXPECT_TRUE(held->anyone_waits());
    EXPECT_FALSE(held->open(owner(1))->may_begin());
    EXPECT_TRUE(held->open(owner(2))->may_begin());
}

TEST_F(HeldMemoryTest, OlderRequestsComeFirstAndThoseWithMuchKeepBackNobodyElse) {
    auto much = answer_of(1);
    for (int i = 0; i < 12; ++i) {
        ASSERT_TRUE(much->take(4));
    }
    much->memory->end();
    auto older = answer_of(1);
    auto younger = answer_of(1);
    EXPECT_FALSE(younger->take(2));
    EXPECT_FALSE(older->take(3));
    auto other = answer_of(2);
    EXPECT_TRUE(other->take(2));
    other.reset();
    much->blocks.resize(46);
    held->serve();
    EXPECT_EQ(older->room + younger->room, 0) << "the older one needs three";
    much->blocks.resize(45);
    held->serve();
    EXPECT_EQ(older->room, 1);
    EXPECT_EQ(younger->room, 0);
    EXPECT_TRUE(older->take(3)) << "it is reserved";
}

TEST_F(HeldMemoryTest, OneWithAPartOfAnAnswerGoesBeyondTheLimitSoThatItCanFinish) {
    std::vector<std::unique_ptr<Arriving>> parts;
    for (uint64_t caller = 1; caller <= 4; ++caller) {
        parts.push_back(answer_of(caller));
        for (int i = 0; i < 4; ++i) {
            ASSERT_TRUE(parts.back()->take(4)) << caller;
        }
    }
    EXPECT_EQ(blocks_held(), 64U);
    EXPECT_TRUE(parts[0]->take(4));
    EXPECT_TRUE(parts[0]->take(4));
    EXPECT_FALSE(parts[1]->take(1)) << "only one at a time";
    parts[0]->memory->end();
    held->serve();
    EXPECT_EQ(parts[1]->room, 0) << "and not while there is more than the limit";
    parts[0]->blocks.resize(16);
    held->serve();
    EXPECT_EQ(parts[1]->room, 1);
}

TEST_F(HeldMemoryTest, ACallerWithMuchGoesBeyondOnceAndNotAgainBeforeThatHasGone) {
    std::vector<std::unique_ptr<Arriving>> parts;
    for (int i = 0; i < 6; ++i) {
        parts.push_back(answer_of(1));
        ASSERT_TRUE(parts.back()->take(4) && parts.back()->take(4));
    }
    EXPECT_EQ(blocks_held(), 48U) << "three quarters";
    EXPECT_TRUE(parts[0]->take(4));
    parts[0]->memory->end();
    EXPECT_FALSE(parts[1]->take(1)) << "else all of the last quarter would go in this way";
    parts[0].reset();
    held->serve();
    EXPECT_EQ(parts[1]->room, 1);
}

TEST_F(HeldMemoryTest, ARequestWhoseClientStandsStillLeavesItsPlaceToAnother) {
    auto still = answer_of(1);
    auto waits = answer_of(2);
    auto more = answer_of(2);
    for (int i = 0; i < 6; ++i) {
        ASSERT_TRUE(still->take(4) && waits->take(4));
    }
    ASSERT_EQ(blocks_held(), 48U) << "three quarters: both callers have more than their share";
    EXPECT_TRUE(still->take(4)) << "beyond what it may hold";
    EXPECT_FALSE(waits->take(4));
    held->serve();
    EXPECT_EQ(waits->room, 0) << "only one at a time";
    still->memory->stand_back(true);
    held->serve();
    EXPECT_EQ(waits->room, 1);
    EXPECT_TRUE(waits->take(4)) << "and further";
    still->memory->stand_back(false);
    EXPECT_FALSE(still->take(4)) << "not while the other is there";
    while (blocks_held() < 72) {
        ASSERT_TRUE(waits->take(4)) << "it holds the place until its end";
    }
    waits->memory->end();
    held->serve();
    EXPECT_EQ(still->room, 0) << "not while more than the limit is held";
    waits->blocks.resize(waits->blocks.size() - 8);
    held->serve();
    EXPECT_EQ(still->room, 1) << "it comes back";
    EXPECT_FALSE(more->take(1)) << "a request that holds nothing waits as before";
}

TEST_F(HeldMemoryTest, WhoStandsStillBeyondTheLimitLetsNobodyExceedItFurther) {
    std::vector<std::unique_ptr<Arriving>> parts;
    for (uint64_t caller = 1; caller <= 4; ++caller) {
        parts.push_back(answer_of(caller));
        for (int i = 0; i < 4; ++i) {
            ASSERT_TRUE(parts.back()->take(4)) << caller;
        }
    }
    EXPECT_TRUE(parts[0]->take(4));
    EXPECT_EQ(blocks_held(), 68U);
    parts[0]->memory->stand_back(true);
    EXPECT_FALSE(parts[1]->take(1));
    held->serve();
    EXPECT_EQ(parts[1]->room, 0);
    EXPECT_TRUE(parts[0]->take(4)) << "it has not lost its place";
}

// Each has exceeded the limit once, with its first call, which has ended. If each of them could do
// so again with its next call, their excesses would add up.
TEST_F(HeldMemoryTest, AnEarlierPlaceBeyondTheLimitIsLostToTheNextRequestThere) {
    std::vector<std::shared_ptr<RequestMemory>> requests;
    std::vector<std::unique_ptr<Arriving>> first;
    std::vector<std::unique_ptr<Arriving>> second;
    for (uint64_t caller = 1; caller <= 4; ++caller) {
        requests.push_back(held->open(owner(caller)));
        first.push_back(std::make_unique<Arriving>(requests.back(), pool));
        second.push_back(std::make_unique<Arriving>(requests.back(), pool));
        for (int i = 0; i < 4; ++i) {
            ASSERT_TRUE(first.back()->take(4)) << caller;
        }
    }
    for (size_t i = 0; i < 3; ++i) {
        ASSERT_EQ(blocks_held(), 64U);
        ASSERT_TRUE(first[i]->take(1)) << i << ": it holds a part";
        first[i]->memory->end();
        first[3]->blocks.pop_back();
    }
    EXPECT_TRUE(second[2]->take(4)) << "the last one may go on to its end";
    EXPECT_FALSE(second[0]->take(4));
    EXPECT_FALSE(second[1]->take(4));
    second[2]->memory->end();
    held->serve();
    EXPECT_EQ(second[0]->room + second[1]->room, 0) << "not while more than the limit is held";
    first[2].reset();
    second[2].reset();
    held->serve();
    EXPECT_EQ(second[0]->room, 1);
    EXPECT_LE(blocks_held(), 64U);
}

TEST_F(HeldMemoryTest, ARequestStandsBackNoLongerThanItsCalls) {
    auto request = held->open(owner(1));
    Arriving first(request, pool);
    Arriving second(request, pool);
    auto other = answer_of(2);
    for (int i = 0; i < 6; ++i) {
        ASSERT_TRUE(first.take(4) && other->take(4));
    }
    first.memory->stand_back(true);
    first.memory->end();
    ASSERT_TRUE(second.take(1)) << "its client reads again";
    EXPECT_FALSE(other->take(1));
    held->serve();
    EXPECT_EQ(other->room, 0);
}

TEST_F(HeldMemoryTest, WhoeverHoldsAPartMayBeginTheRest) {
    auto request = held->open(owner(1));
    Arriving one(request, pool);
    for (int i = 0; i < 12; ++i) {
        ASSERT_TRUE(one.take(4));
    }
    EXPECT_FALSE(held->open(owner(1))->may_begin());
    EXPECT_TRUE(request->may_begin());
}

TEST_F(HeldMemoryTest, WhoLeavesTheQueueIsNotServed) {
    auto much = answer_of(1);
    for (int i = 0; i < 12; ++i) {
        ASSERT_TRUE(much->take(4));
    }
    int told = 0;
    held->on_waiting = [&] { ++told; };
    auto leaves = answer_of(1);
    auto stays = answer_of(1);
    EXPECT_FALSE(leaves->take(1));
    EXPECT_FALSE(leaves->take(1)) << "it waits already";
    EXPECT_FALSE(stays->take(1));
    EXPECT_EQ(told, 1) << "by the first";
    leaves.reset();
    much.reset();
    held->serve();
    EXPECT_EQ(stays->room, 1);
    EXPECT_FALSE(held->anyone_waits());
}

// Answers whose length nobody knows, of requests that need several, until all are with their
// clients.
class Crowd {
 public:
    explicit Crowd(uint32_t seed) : random_(seed) {
        for (size_t number = 0; number < 60; ++number) {
            Member &member = members_.emplace_back();
            member.request = held->open(owner(random_() % (1 + seed % 7)));
            for (size_t answers = 1 + random_() % 4; answers > 0; --answers) {
                member.answers.push_back(std::make_unique<Arriving>(member.request, pool));
                member.left.push_back(1 + random_() % kLongest);
            }
        }
    }

    // Turns until the last client has all; nothing, if nobody gets on any longer.
    std::optional<size_t> run() {
        size_t idle = 0;
        for (size_t turn = 0; idle < 100; ++turn) {
            bool moved = false;
            bool done = true;
            for (Member &member : members_) {
                moved = receive(member) || moved;
                moved = drain(member) || moved;
                done = done && member.answers.empty();
            }
            held->serve();
            max = std::max(max, held->total());
            if (done) {
                return turn;
            }
            idle = moved ? 0 : idle + 1;
        }
        return std::nullopt;
    }

    static constexpr size_t kLongest = 12;  // blocks
    size_t max = 0;
    std::shared_ptr<HeldMemory> held = HeldMemory::create({kLimit, 25});

 private:
    struct Member {
        std::shared_ptr<RequestMemory> request;
        std::vector<std::unique_ptr<Arriving>> answers;
        std::vector<size_t> left;  // blocks that have not arrived
        bool stands_still = false;
    };

    // Some clients stand still for a while: then nothing arrives for them.
    void stand_still_at_times(Member &member) {
        if (!member.answers.empty() && random_() % 16 == 0) {
            member.stands_still = !member.stands_still;
            member.answers.back()->memory->stand_back(member.stands_still);
        }
    }
    bool receive(Member &member) {
        stand_still_at_times(member);
        if (member.stands_still) {
            return true;  // it goes on later
        }
        bool moved = false;
        for (size_t i = 0; i < member.answers.size(); ++i) {
            if (member.left[i] > 0 && random_() % 2 == 0 && member.answers[i]->take(1)) {
                moved = true;
                if (--member.left[i] == 0) {
                    member.answers[i]->memory->end();
                }
            }
        }
        return moved;
    }
    // A client gets nothing before all is there.
    bool drain(Member &member) {
        if (member.answers.empty() || member.stands_still ||
            std::any_of(member.left.begin(), member.left.end(), [](size_t n) { return n > 0; })) {
            return false;
        }
        if (random_() % 4 != 0) {
            return true;  // slow
        }
        auto &blocks = member.answers.back()->blocks;
        if (!blocks.empty()) {
            blocks.pop_back();
        } else {
            member.answers.pop_back();
            member.left.pop_back();
            member.request = member.answers.empty() ? nullptr : member.request;
        }
        return true;
    }

    std::mt19937 random_;
    std::shared_ptr<BlockPool> pool = BlockPool::create(16);
    std::deque<Member> members_;
};

TEST(HeldMemoryProperty, EverybodyFinishesWithinTheLimitAndOneRequest) {
    for (uint32_t seed = 1; seed <= 60; ++seed) {
        Crowd crowd(seed);
        EXPECT_TRUE(crowd.run()) << seed << ": nobody gets on, with "
                                 << crowd.held->total() / kBlockSize << " blocks held";
        EXPECT_LE(crowd.max, kLimit + 4 * Crowd::kLongest * kBlockSize) << seed;
        EXPECT_EQ(crowd.held->total(), 0U) << seed;
        EXPECT_EQ(crowd.held->callers(), 0U) << seed;
    }
}

TEST(HeldMemory, TinyEventsCountInProportionToTheirBytes) {
    const auto held = HeldMemory::create({kLimit, 25});
    const auto pool = BlockPool::create(16);
    const auto request = held->open(owner(1));
    const auto answer = request->begin_answer();
    std::vector<ServerEvent> events;
    EventReader reader(Blocks(pool, answer),
                       [&](ServerEvent event) { events.push_back(std::move(event)); });
    std::string text;
    for (int i = 0; i < 100; ++i) {
        text += "data: {\"number\":" + std::to_string(i) + ",\"what\":\"tiny\"}\n\n";
    }
    reader.feed(text);
    ASSERT_EQ(events.size(), 100U);
    EXPECT_EQ(pool->lent(), 0U);
    EXPECT_GT(held->total(), 0U);
    EXPECT_LE(held->total(), 4 * text.size());
    EXPECT_EQ(events[99].data.raw.copy(), "{\"number\":99,\"what\":\"tiny\"}");
    events.clear();
    EXPECT_EQ(held->total(), 0U);
}

TEST_F(HeldMemoryTest, GivesAtOnceOnlyWhatNobodyWaitsFor) {
    const auto first = answer_of(1);
    const auto second = answer_of(2);
    ASSERT_TRUE(first->take(40));
    EXPECT_FALSE(second->memory->reserve_at_once(25 * kBlockSize));
    EXPECT_FALSE(held->anyone_waits()) << "it does not queue";
    EXPECT_TRUE(second->memory->reserve_at_once(10 * kBlockSize));
    EXPECT_EQ(second->memory->reserved(), 10 * kBlockSize);
    EXPECT_EQ(held->total(), 50 * kBlockSize);
    const auto third = answer_of(3);
    EXPECT_FALSE(third->take(40));
    EXPECT_TRUE(held->anyone_waits());
    EXPECT_FALSE(second->memory->reserve_at_once(1)) << "a response waits";
}

}  // namespace
}  // namespace gateway

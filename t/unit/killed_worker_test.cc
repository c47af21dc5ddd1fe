// A worker that is killed while it holds the lock: at whatever instruction that happens, all that
// the others find is what was there before its change, or what is there after it.
//
// Without more the memory is looked at as it is after each store of a locked operation. With
// KILL_AT_EACH_INSTRUCTION=1 in the environment a process is killed there at each instruction in
// turn, in the lock and out of it, and the lock is taken from the dead; that takes minutes.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <compare>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <ostream>
#include <set>
#include <vector>

#include "core/limits/health.h"
#include "core/limits/ledger.h"
#include "core/limits/robust_mutex.h"
#include "fake_ports.h"
#include "ledger_parties.h"

namespace gateway {
namespace {

constexpr int32_t kAlive = 7;
constexpr int32_t kKilled = 8;
constexpr int32_t kDead = 9;  // long ago
constexpr int64_t kLongLease = 1'000'000'000;
constexpr size_t kRegion = size_t{24} * 1024;
constexpr MicroUsd kDollar = 1'000'000;

bool is_alive(int32_t process) {
    return process == kAlive;
}

// A region, the budget records, and in front of them the lock.
class MappedMemory final : public SharedMemory {
 public:
    static constexpr size_t kFront = 4096;
    static constexpr size_t kSize = kFront + 2 * kRegion;

    MappedMemory()
        : start_(static_cast<std::byte *>(
              mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
        EXPECT_NE(start_, MAP_FAILED);
        EXPECT_TRUE(mutex().prepare());
    }
    ~MappedMemory() override { munmap(start_, kSize); }
    MappedMemory(const MappedMemory &) = delete;
    MappedMemory &operator=(const MappedMemory &) = delete;

    [[nodiscard]] std::span<std::byte> region() const override {
        return {start_ + kFront, kRegion};
    }
    [[nodiscard]] std::span<std::byte> budgets() const {
        return {start_ + kFront + kRegion, kRegion};
    }
    // Both.
    [[nodiscard]] std::span<std::byte> contents() const { return {start_ + kFront, 2 * kRegion}; }

    void lock() noexcept override {
        mutex().lock();
        if (stops) {
            raise(SIGSTOP);
        }
    }
    void unlock() noexcept override {
        if (stops) {
            raise(SIGSTOP);
        }
        mutex().unlock();
    }
    bool stops = false;  // just after it is locked, and just before it is unlocked

 private:
    [[nodiscard]] RobustMutex &mutex() const { return *reinterpret_cast<RobustMutex *>(start_); }

    std::byte *start_;
};

using Action = std::function<void(MappedMemory &)>;

class Tracee {
 public:
    Tracee(MappedMemory &memory, const Action &action) : process_(fork()) {
        if (process_ == 0) {
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            raise(SIGSTOP);
            action(memory);
            _exit(0);
        }
        EXPECT_GT(process_, 0);
        waitpid(process_, &status_, 0);
    }
    ~Tracee() {
        if (is_running()) {
            kill(process_, SIGKILL);
            while (is_running()) {
                waitpid(process_, &status_, 0);
            }
        }
    }
    Tracee(const Tracee &) = delete;
    Tracee &operator=(const Tracee &) = delete;

    [[nodiscard]] bool is_running() const { return WIFSTOPPED(status_); }
    [[nodiscard]] bool has_stopped_itself() const {
        return is_running() && WSTOPSIG(status_) == SIGSTOP;
    }
    void run() { go_on(PTRACE_CONT); }
    void step() { go_on(PTRACE_SINGLESTEP); }

 private:
    void go_on(__ptrace_request how) {
        ptrace(how, process_, nullptr, nullptr);
        waitpid(process_, &status_, 0);
    }

    pid_t process_;
    int status_ = 0;
};

using Look = std::function<void(MappedMemory &)>;

// How often the memory was looked at.
size_t look_after_each_store(const Action &begin, const Action &action, const Look &look) {
    MappedMemory memory;
    begin(memory);
    std::vector<std::byte> before(memory.contents().begin(), memory.contents().end());
    memory.stops = true;
    Tracee tracee(memory, action);
    size_t looked = 0;
    for (tracee.run(); tracee.has_stopped_itself(); tracee.run()) {
        for (tracee.step(); tracee.is_running() && !tracee.has_stopped_itself(); tracee.step()) {
            if (std::memcmp(before.data(), memory.contents().data(), before.size()) != 0) {
                before.assign(memory.contents().begin(), memory.contents().end());
                MappedMemory left;
                std::copy(before.begin(), before.end(), left.contents().begin());
                look(left);
                ++looked;
                if (testing::Test::HasFailure()) {
                    ADD_FAILURE() << "after change " << looked;
                    return looked;
                }
            }
        }
    }
    return looked;
}

size_t kill_at_each_instruction(const Action &begin, const Action &action, const Look &look) {
    for (size_t instruction = 0;; ++instruction) {
        MappedMemory memory;
        begin(memory);
        bool ended = false;
        {
            Tracee tracee(memory, action);
            for (size_t i = 0; i < instruction && tracee.is_running(); ++i) {
                tracee.step();
            }
            ended = !tracee.is_running();
        }
        look(memory);
        if (ended || testing::Test::HasFailure()) {
            return instruction;
        }
    }
}

void look_at_all(const Action &begin, const Action &action, const Look &look) {
    const bool kills = std::getenv("KILL_AT_EACH_INSTRUCTION") != nullptr;
    const size_t looked = kills ? kill_at_each_instruction(begin, action, look)
                                : look_after_each_store(begin, action, look);
    EXPECT_GT(looked, 10U);
    testing::Test::RecordProperty("looked", static_cast<int>(looked));
    if (kills) {
        std::printf("killed %zu times\n", looked);
    }
}

// What is left to a key and its end user.
struct Left {
    MicroUsd money = 0;
    int64_t images = 0;
    int64_t concurrent = 0;
    int64_t users_concurrent = 0;
    size_t holds = 0;
    auto operator<=>(const Left &) const = default;
};

std::ostream &operator<<(std::ostream &out, const Left &left) {
    return out << left.money << " micro-dollars, " << left.images << " images, " << left.concurrent
               << " and " << left.users_concurrent << " at once, " << left.holds << " holds";
}

const std::vector<Budget> kBudgets = {{10 * kDollar, Period::day}};
const Limits kKeyLimits{.images_per_day = 20, .concurrent = 5};
const Limits kUserLimits{.images_per_day = 15, .concurrent = 3};

Party the_key() {
    return key_party(1, kKeyLimits, kBudgets);
}

std::vector<PartyShare> both_shares() {
    return shares_of({the_key(), end_user_party(1, 1, kUserLimits)});
}

Ledger ledger_in(MappedMemory &memory) {
    return {memory, memory.budgets()};
}

template <typename Enter>
int64_t how_often(Enter enter) {
    int64_t count = 0;
    while (count < 100'000 && enter()) {
        ++count;
    }
    return count;
}

Left left_in(MappedMemory &memory) {
    Ledger ledger = ledger_in(memory);
    ledger.sweep(at(0), is_alive, [](const Orphaned &) {});
    Left left;
    auto probe = shares_of({key_party(1, {}, kBudgets)});
    EXPECT_TRUE(ledger.enter(probe, at(0), kAlive, kLongLease));
    left.money = ledger.reserve(probe, 1, 1'000 * kDollar, at(0)).error().left;
    ledger.settle(probe, 0, 0, at(0));
    std::vector<std::vector<PartyShare>> all;
    const auto enter = [&](const Party &party) {
        return how_often([&] {
            all.push_back(shares_of({party}));
            return ledger.enter(all.back(), at(0), kAlive, kLongLease).has_value();
        });
    };
    left.concurrent = enter(key_party(1, kKeyLimits));
    left.users_concurrent = enter(end_user_party(1, 1, kUserLimits));
    left.holds = static_cast<size_t>(enter(key_party(1, {}, kBudgets)));
    left.images = how_often([&] {
        auto one = shares_of({key_party(1, kKeyLimits)});
        return ledger.reserve(one, 1, 0, at(0)).has_value();
    });
    return left;
}

// A request of a living worker holds one dollar; a request of a dead worker held another.
void begin_ledger(MappedMemory &memory) {
    ASSERT_TRUE(Ledger::prepare(memory.region(), true));
    ASSERT_TRUE(Ledger::prepare_budgets(memory.budgets(), true));
    Ledger ledger = ledger_in(memory);
    for (const int32_t process : {kAlive, kDead}) {
        auto shares = both_shares();
        ASSERT_TRUE(ledger.enter(shares, at(0), process, kLongLease));
        ASSERT_TRUE(ledger.reserve(shares, 2, kDollar, at(0)));
    }
}

Left left_at_first() {
    MappedMemory memory;
    begin_ledger(memory);
    return left_in(memory);
}

class KilledWorker : public testing::Test {
 protected:
    // What is left is one of these.
    static void expect(const Action &begin, const Action &action, const std::set<Left> &allowed) {
        look_at_all(begin, action, [&](MappedMemory &memory) {
            const Left left = left_in(memory);
            EXPECT_TRUE(allowed.contains(left)) << left << "\nallowed: " << *allowed.begin();
        });
    }
    static Left less(Left left, MicroUsd money, int64_t images = 0) {
        left.money -= money;
        left.images -= images;
        return left;
    }
};

TEST_F(KilledWorker, LeavesNothingOfARequestThatItLetIn) {
    const Left first = left_at_first();
    EXPECT_EQ(first.money, 8 * kDollar);
    EXPECT_EQ(first.concurrent, 4);
    EXPECT_EQ(first.users_concurrent, 2);
    expect(begin_ledger,
           [](MappedMemory &memory) {
               auto shares = both_shares();
               (void)ledger_in(memory).enter(shares, at(0), kKilled, kLongLease);
           },
           {first});
}

TEST_F(KilledWorker, LeavesNothingOfARequestThatItRefused) {
    expect(begin_ledger,
           [](MappedMemory &memory) {
               auto shares = shares_of({the_key(), end_user_party(1, 1, {.concurrent = 1})});
               (void)ledger_in(memory).enter(shares, at(0), kKilled, kLongLease);
           },
           {left_at_first()});
}

TEST_F(KilledWorker, MayHaveSpentWhatItWasReserving) {
    const Left first = left_at_first();
    auto shares = std::make_shared<std::vector<PartyShare>>();
    expect(
        [=](MappedMemory &memory) {
            begin_ledger(memory);
            *shares = both_shares();
            ASSERT_TRUE(ledger_in(memory).enter(*shares, at(0), kKilled, kLongLease));
        },
        [=](MappedMemory &memory) {
            (void)ledger_in(memory).reserve(*shares, 3, 2 * kDollar, at(0));
        },
        {first, less(first, 2 * kDollar), less(first, 2 * kDollar, 3)});
}

TEST_F(KilledWorker, HasSpentNothingOfWhatWaits) {
    const Left first = left_at_first();
    auto shares = std::make_shared<std::vector<PartyShare>>();
    const auto begin = [=](MappedMemory &memory) {
        begin_ledger(memory);
        *shares = both_shares();
        for (PartyShare &share : *shares) {
            share.waits = true;
        }
        Ledger ledger = ledger_in(memory);
        ASSERT_TRUE(ledger.enter(*shares, at(0), kKilled, kLongLease));
        ASSERT_TRUE(ledger.reserve(*shares, 3, 2 * kDollar, at(0)));
    };
    const std::set<Left> allowed = {less(first, 0, 3), less(first, 2 * kDollar, 3)};
    expect(
        begin,
        [=](MappedMemory &memory) {
            (void)ledger_in(memory).admit(*shares, at(0), kKilled, kLongLease);
        },
        allowed);
    expect(
        [=](MappedMemory &memory) {
            begin(memory);
            ASSERT_TRUE(ledger_in(memory).admit(*shares, at(0), kKilled, kLongLease));
        },
        [=](MappedMemory &memory) { ledger_in(memory).step_back(*shares, at(0)); }, allowed);
}

TEST_F(KilledWorker, HasSpentWhatItWasSettlingOrAllThatItHeld) {
    const Left first = left_at_first();
    auto shares = std::make_shared<std::vector<PartyShare>>();
    expect(
        [=](MappedMemory &memory) {
            begin_ledger(memory);
            *shares = both_shares();
            Ledger ledger = ledger_in(memory);
            ASSERT_TRUE(ledger.enter(*shares, at(0), kKilled, kLongLease));
            ASSERT_TRUE(ledger.reserve(*shares, 3, 2 * kDollar, at(0)));
        },
        [=](MappedMemory &memory) { ledger_in(memory).settle(*shares, 1, kDollar, at(0)); },
        {less(first, 2 * kDollar, 3), less(first, kDollar, 3), less(first, kDollar, 1)});
}

TEST_F(KilledWorker, MayBeTheOneThatSweeps) {
    expect(begin_ledger,
           [](MappedMemory &memory) {
               ledger_in(memory).sweep(at(0), is_alive, [](const Orphaned &) {});
           },
           {left_at_first()});
}

TEST_F(KilledWorker, MayBringBackHalfOfWhatWasSpentAndTheNextAllOfIt) {
    const auto restore = [](MappedMemory &memory) {
        Ledger ledger = ledger_in(memory);
        const int64_t day = number_of(Period::day, kMidnight);
        (void)ledger.begin_restoring(kKilled, is_alive);
        (void)ledger.restore_spent(account(1), "k", Period::day, day, 3 * kDollar);
        ledger.restore_images(the_key(), 4, at(0));
    };
    look_at_all(begin_ledger, restore, [&](MappedMemory &memory) {
        EXPECT_EQ(ledger_in(memory).begin_restoring(kAlive, is_alive), Ledger::Restoring::ours);
        restore(memory);
        EXPECT_EQ(left_in(memory), less(left_at_first(), 3 * kDollar, 4));
    });
}

// A full set, so that counters of another account must be removed.
TEST_F(KilledWorker, LeavesAnotherWholeOrGoneWhosePlaceItTakes) {
    const auto begin = [](MappedMemory &memory) {
        begin_ledger(memory);
        Ledger ledger = ledger_in(memory);
        for (uint64_t key = 100; key < 300; ++key) {
            auto shares = shares_of({key_party(key, {.requests_per_minute = 1})});
            ASSERT_TRUE(ledger.enter(shares, at(0), kAlive, kLongLease));
        }
    };
    MappedMemory memory;
    begin(memory);
    const Left first = left_in(memory);
    for (uint64_t key = 500; key < 503; ++key) {
        expect(begin,
               [=](MappedMemory &those) {
                   auto shares = shares_of({key_party(key, {.concurrent = 1})});
                   (void)ledger_in(those).enter(shares, at(0), kKilled, kLongLease);
               },
               {first});
    }
}

// Of a provider with a limit of calls, and a model with a breaker.
class KilledCaller : public testing::Test {
 protected:
    static Target target() { return {account_of("p"), account_of({"p", "m"}), {.failures = 3}, 4}; }
    static void begin(MappedMemory &memory) {
        ASSERT_TRUE(Health::prepare(memory.region(), true));
        Health health(memory, kAlive);
        for (const Verdict verdict : {Verdict::failure, Verdict::failure, Verdict::nothing}) {
            const auto ticket = health.enter(target(), at(0), Milliseconds(60'000));
            ASSERT_TRUE(ticket);
            if (verdict != Verdict::nothing) {
                health.leave(target(), *ticket, verdict, at(0));
            }
        }
    }
    // One call runs, and so many failures more open the breaker.
    static void expect(MappedMemory &memory, std::set<int64_t> failures) {
        Health health(memory, kAlive);
        health.sweep(at(0), is_alive);
        std::vector<CallTicket> tickets;
        const int64_t calls = how_often([&] {
            const auto ticket = health.enter(target(), at(0), Milliseconds(60'000));
            if (ticket) {
                tickets.push_back(*ticket);
            }
            return ticket.has_value();
        });
        if (failures.contains(0) && calls == 0) {
            return;
        }
        EXPECT_EQ(calls, 3);
        for (const CallTicket &ticket : tickets) {
            health.leave(target(), ticket, Verdict::nothing, at(0));
        }
        const int64_t more = how_often([&] {
            const auto ticket = health.enter(target(), at(0), Milliseconds(60'000));
            if (ticket) {
                health.leave(target(), *ticket, Verdict::failure, at(0));
            }
            return ticket.has_value();
        });
        EXPECT_TRUE(failures.contains(more)) << more;
    }
};

TEST_F(KilledCaller, TakesNoCallOfItsProviderWithIt) {
    look_at_all(
        begin,
        [](MappedMemory &memory) {
            (void)Health(memory, kKilled).enter(target(), at(0), Milliseconds(60'000));
        },
        [](MappedMemory &memory) { expect(memory, {1}); });
}

TEST_F(KilledCaller, HasToldOfAFailureOrNot) {
    auto ticket = std::make_shared<CallTicket>();
    look_at_all(
        [=](MappedMemory &memory) {
            begin(memory);
            *ticket = *Health(memory, kKilled).enter(target(), at(0), Milliseconds(60'000));
        },
        [=](MappedMemory &memory) {
            Health(memory, kKilled).leave(target(), *ticket, Verdict::failure, at(0));
        },
        [](MappedMemory &memory) {
            expect(memory, {0, 1});
        });
}

TEST_F(KilledCaller, LeavesAKeyAtRestOrNot) {
    const Account key = account_of("key");
    look_at_all(
        begin,
        [=](MappedMemory &memory) {
            Health(memory, kKilled).rest(key, Milliseconds(5'000), at(0));
        },
        [=](MappedMemory &memory) {
            int64_t wait = -1;
            Health(memory, kAlive).read_rests({&key, 1}, {&wait, 1}, at(0));
            EXPECT_TRUE(wait == 0 || wait == 5'000) << wait;
            expect(memory, {1});
        });
}

TEST(RobustLock, IsTakenFromAHolderThatWasKilled) {
    MappedMemory memory;
    const pid_t holder = fork();
    if (holder == 0) {
        memory.lock();
        raise(SIGKILL);
    }
    int status = 0;
    waitpid(holder, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    memory.lock();
    memory.unlock();
    memory.lock();
    memory.unlock();
}

// It is a zombie, so kill(process, 0) still finds it.
TEST(RobustLock, IsTakenFromAHolderThatIsAZombie) {
    MappedMemory memory;
    const pid_t holder = fork();
    if (holder == 0) {
        memory.lock();
        raise(SIGKILL);
    }
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(holder), &info, WEXITED | WNOWAIT), 0);
    memory.lock();
    memory.unlock();
    EXPECT_EQ(kill(holder, 0), 0);
    int status = 0;
    waitpid(holder, &status, 0);
}

}  // namespace
}  // namespace gateway

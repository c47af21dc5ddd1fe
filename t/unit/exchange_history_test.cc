// Twenty thousand requests with random outcomes, delays and callers that leave; and what must hold
// for each of them whatever happens.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;
using State = FakeUpstream::State;

constexpr int64_t kManyImages = 1'000'000'000;

class ExchangeHistory : public ExchangeTest {
 protected:
    // One request and all that was seen of it from outside.
    struct Run {
        std::unique_ptr<Exchange> exchange;
        std::string body;
        Milliseconds deadline{0};
        int64_t images = 0;
        bool has_key = false;
        bool stops_after_unknown = false;
        int answers = 0;
        int status = 0;
        int64_t made = 0;
        std::vector<std::pair<std::string, std::shared_ptr<FakeUpstream::Seen>>> calls;
        std::vector<std::pair<std::string, T>> outcomes;  // of the calls, as they came in
        std::set<std::string> used;                       // host and key
    };

    ExchangeHistory() {
        add_provider("two", {"sk-two-1", "sk-two-2"});
        Provider *sandbox = add_provider("sandbox", {}, "sandbox");
        sandbox->rehearsal.longest = Milliseconds(3'000);
        sandbox->rehearsal.failures = {{T::broken, 20}, {T::unknown, 10}, {T::throttled, 20}};
        add_alias("long", {{"two/x"}, {"a/gpt-image-2"}, {"sandbox/p"}, {"b/x"}, {"c/x"}});
        add_alias("dear", {{"two/x"}, {"b/gpt-image-2"}, {"c/x"}}, AfterUnknown::fail);
        Alias mix;
        mix.name = "mix";
        mix.mode = AliasMode::weighted;
        mix.members = {{"a/x", 3}, {"two/gpt-image-1.5", 2}, {"sandbox/p", 1}};
        EXPECT_TRUE(models.add(std::move(mix)));
        policy.keys = ring_of(key_json("k", R"("limits":{"concurrent":6,"images_per_day":)" +
                                                std::to_string(kManyImages) + "}"));
    }

    uint64_t below(uint64_t bound) { return dice.below(bound); }

    void start() {
        static constexpr const char *kModels[] = {"long", "dear", "mix", "a/x", "sandbox/p"};
        static constexpr const char *kTimeouts[] = {"", "1", "3", "7"};
        const char *model = kModels[below(5)];
        auto run = std::make_unique<Run>();
        run->has_key = below(2) == 0;
        run->images = static_cast<int64_t>(1 + below(3));
        run->stops_after_unknown = model == std::string_view("dear");
        run->body = R"({"prompt":"a","size":"64x64","model":")" + std::string(model) + R"(","n":)" +
                    std::to_string(run->images) + "}";
        RequestHead head = run->has_key ? as("sk-bf-k") : RequestHead{};
        head.timeout = kTimeouts[below(4)];
        run->deadline =
            world.clock.now() +
            (head.timeout.empty() ? policy.deadline : Milliseconds(1000 * (head.timeout[0] - '0')));
        run->exchange = std::make_unique<Exchange>(models, policy, ledger, health, world.ports, 7);
        if (const auto ready =
                run->exchange->identify(head).and_then([&] { return run->exchange->enter(); });
            !ready) {
            ASSERT_EQ(ready.error().status, 429);
            ++turned_away;
            return;
        }
        if (below(20) == 0) {
            return;  // left while the body was still coming
        }
        Run *mine = run.get();
        runs[run->exchange->request_id()] = std::move(run);
        mine->exchange->run(mine->body,
                            [this, mine](const Answer &answer) { on_answer(*mine, answer); });
        look_at_new_calls();
    }

    void on_answer(Run &run, const Answer &answer) {
        ++run.answers;
        EXPECT_EQ(run.answers, 1);
        EXPECT_LE(world.clock.now(), run.deadline);
        EXPECT_TRUE(answer.status != 504 || world.clock.now() == run.deadline) << "too early";
        run.status = answer.status;
        ++statuses[answer.status];
        const ReadJson json(answer.body.copy());
        run.made = answer.status == 200 ? static_cast<int64_t>(json["data"].size()) : 0;
    }

    // Every call belongs to a request that still waits, and is one that may be made.
    void look_at_new_calls() {
        for (; looked_at < world.upstream.calls.size(); ++looked_at) {
            const auto &seen = world.upstream.calls[looked_at];
            const auto id = std::find_if(
                seen->call.headers.begin(), seen->call.headers.end(),
                [](const std::string &line) { return line.starts_with("X-Client-Request-Id: "); });
            ASSERT_NE(id, seen->call.headers.end());
            Run &run = *runs.at(id->substr(21));
            const std::string host = seen->call.url.substr(8, seen->call.url.find('/', 8) - 8);
            EXPECT_EQ(run.answers, 0);
            EXPECT_LT(world.clock.now(), run.deadline);
            EXPECT_LE(seen->call.timeouts.total,
                      run.deadline - world.clock.now() + Milliseconds(1000));
            EXPECT_TRUE(run.used.insert(host + seen->call.headers.at(2)).second)
                << "asked twice with the same key";
            for (const auto &[earlier, outcome] : run.outcomes) {
                EXPECT_NE(outcome, T::made);
                EXPECT_NE(outcome, T::callers_fault);
                EXPECT_NE(outcome, T::refused_by_policy);
                if (outcome == T::unknown) {
                    EXPECT_NE(earlier, host) << "asked again after an unknown outcome";
                    EXPECT_FALSE(run.stops_after_unknown);
                }
            }
            for (const auto &[earlier, call] : run.calls) {
                EXPECT_NE(call->state, State::open) << "two calls at once";
            }
            run.calls.emplace_back(host, seen);
            open.push_back({&run, host, seen});
        }
    }

    void deliver_something() {
        std::erase_if(open, [](const auto &one) { return one.seen->state != State::open; });
        if (open.empty()) {
            return;
        }
        static constexpr T kTypes[] = {T::made,        T::made,     T::made,
                                       T::broken,      T::broken,   T::unknown,
                                       T::throttled,   T::not_here, T::our_credentials,
                                       T::throttled,   T::broken,   T::callers_fault,
                                       T::unknown,     T::made,     T::refused_by_policy,
                                       T::out_of_quota};
        const T type = kTypes[below(std::size(kTypes))];
        const auto one = open[below(open.size())];
        one.run->outcomes.emplace_back(one.host, type);
        FakeUpstream::deliver(
            *one.seen,
            type == T::made
                ? images(static_cast<int>(1 + below(static_cast<uint64_t>(one.run->images))))
                : reply_for(type));
        look_at_new_calls();
    }

    // What the gateway lists is what happened. Local attempts are not seen from here.
    void check(const Run &run) {
        std::vector<std::pair<std::string, T>> expected = run.outcomes;
        const bool cut_off =
            !run.calls.empty() && run.calls.back().second->state == State::cancelled;
        if (cut_off && run.answers == 1) {
            expected.emplace_back(run.calls.back().first, T::too_late);
        }
        std::vector<std::pair<std::string, T>> told_attempts;
        int64_t perhaps_billed = 0;
        for (const AttemptRecord &record : run.exchange->attempts()) {
            perhaps_billed += may_be_billed(record.outcome) ? 1 : 0;
            if (record.provider != "sandbox") {
                told_attempts.emplace_back(record.provider, record.outcome);
            }
        }
        EXPECT_EQ(told_attempts, expected);
        EXPECT_TRUE(!cut_off || run.answers == 0 || run.status == 504);
        if (run.has_key) {
            // Each try that may have been billed has used up what it might have made.
            perhaps_billed += run.exchange->outcome() == "client_gone" ? 1 : 0;
            images_used += perhaps_billed * run.images + run.made;
        }
        ++checked;
    }

    void end(std::map<std::string, std::unique_ptr<Run>>::iterator at) {
        Run &run = *at->second;
        if (run.answers == 0) {
            run.exchange->cancel();
            ++aborted;
        }
        for (const auto &[host, seen] : run.calls) {
            EXPECT_NE(seen->state, State::open) << "a call that nobody waits for";
        }
        check(run);
        std::erase_if(open, [&](const auto &one) { return one.run == &run; });
        runs.erase(at);
    }

    struct Open {
        Run *run;
        std::string host;
        std::shared_ptr<FakeUpstream::Seen> seen;
    };
    FakeRandom dice{2026};
    std::map<std::string, std::unique_ptr<Run>> runs;
    std::vector<Open> open;
    size_t looked_at = 0;
    std::map<int, int> statuses;
    int turned_away = 0;
    int aborted = 0;
    int checked = 0;
    int64_t images_used = 0;
};

TEST_F(ExchangeHistory, HoldsItsPromisesWhateverHappens) {
    policy.deadline = Milliseconds(10'000);
    int started = 0;
    while (started < 20'000 && !HasFailure()) {
        switch (below(7)) {
            case 0:
            case 1:
                if (runs.size() < 16) {
                    ++started;
                    start();
                }
                break;
            case 2:
            case 3: deliver_something(); break;
            case 4:
                world.loop.advance(Milliseconds(static_cast<int64_t>(below(1'000))));
                look_at_new_calls();
                break;
            case 5:
                world.tasks.run_all();
                look_at_new_calls();
                break;
            default:
                for (auto at = runs.begin(); at != runs.end();) {
                    const auto next = std::next(at);
                    if (at->second->answers == 1 || below(60) == 0) {
                        end(at);
                    }
                    at = next;
                }
        }
    }
    world.loop.advance(policy.deadline);
    for (const auto &[id, run] : runs) {
        EXPECT_EQ(run->answers, 1) << "no answer at the deadline";
    }
    while (!runs.empty()) {
        end(runs.begin());
    }
    world.tasks.run_all();
    EXPECT_EQ(world.upstream.count(State::open), 0U);
    EXPECT_EQ(world.loop.running(), 0U);
    const Moment now{world.clock.unix_seconds(), world.clock.now().count()};
    ASSERT_EQ(now.unix_seconds / 86400, int64_t{1'800'000'000} / 86400) << "the same day";
    const Key &key = *policy.keys->find("sk-bf-k");
    EXPECT_EQ(ledger.reserve_images(account_of(key), key.limits, 0, now)->remaining,
              kManyImages - images_used);
    EXPECT_EQ(ledger.sweep(now, [](int32_t) { return false; }), 0U) << "leases not returned";
    // The simulation has been everywhere.
    EXPECT_GT(checked, 15'000);
    EXPECT_GT(aborted, 300);
    EXPECT_GT(turned_away, 300);
    for (const int status : {200, 400, 404, 502, 503, 504}) {
        EXPECT_GT(statuses[status], 50) << status;
    }
}

}  // namespace
}  // namespace gateway

// Simulates ten thousand requests (a hundred thousand with LONG=1) over providers with random
// faults, delays, keys and limits, and with clients that leave; checks invariants of each request.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "exchange_world.h"
#include "how_many.h"

namespace gateway {
namespace {

using T = OutcomeType;
using State = FakeUpstream::State;

const int kRequests = of_cases(100'000);
constexpr int64_t kManyImages = 1'000'000'000;

class ExchangeHistory : public ExchangeTest {
 protected:
    // A call as its provider sees it.
    struct Seen {
        std::string host;
        std::string key;
        std::string body;
        std::string idempotency_key;
        Milliseconds began{0};
        std::shared_ptr<FakeUpstream::Seen> call;
        std::optional<T> outcome;
        bool counted = false;  // in `busy`
        int64_t made = 0;
        // That it asks for.
        [[nodiscard]] int64_t images() const {
            const size_t n = body.find("\"n\":");
            return n == std::string::npos ? 1 : body[n + 4] - '0';
        }
        [[nodiscard]] bool is_of_several() const {
            return body.find("\"one\"") != std::string::npos;
        }
    };
    // One request and all that was seen of it from outside.
    struct Run {
        std::unique_ptr<Exchange> exchange;
        std::string body;
        Milliseconds deadline{0};
        int64_t images = 0;
        bool has_key = false;
        bool stops_after_unknown = false;
        bool goes_on_after_refusal = false;
        int answers = 0;
        int status = 0;
        int64_t made = 0;
        std::vector<std::shared_ptr<Seen>> calls;
    };

    ExchangeHistory() {
        for (const char *name : {"a", "b", "c"}) {
            auto *provider = const_cast<Provider *>(models.provider(name));
            provider->retry = {3, Milliseconds(200), Milliseconds(2'000), Milliseconds(4'000)};
            provider->breaker = {.failures = 4,
                                 .min_calls = 10,
                                 .window = Milliseconds(5'000),
                                 .open = Milliseconds(2'000)};
        }
        Provider *two = add_provider("two", {"sk-two-1", "sk-two-2"});
        two->retry.within = Milliseconds(2'000);
        two->max_calls = kMaxOfTwo;
        Provider *safe = add_provider("safe", {"sk-safe"});
        safe->takes_idempotency = true;
        safe->retry = RetryRules();
        Provider *sandbox = add_provider("sandbox", {}, "sandbox");
        sandbox->rehearsal.longest = Milliseconds(3'000);
        sandbox->rehearsal.failures = {{T::broken, 20}, {T::unknown, 10}, {T::throttled, 20}};
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(
            R"({"apis":{"openai":[{"model":"one","operations":["generate"],
                "parameters":{"prompt":{},"n":{"max":1}}}]}})",
            models.catalogue().get())));
        add_alias("long", {{"two/x"}, {"a/gpt-image-2"}, {"sandbox/p"}, {"a/x"}, {"b/x"}, {"c/x"}});
        add_alias("dear", {{"two/x"}, {"b/gpt-image-2"}, {"c/x"}}, AfterUnknown::fail);
        add_alias("ones", {{"two/one"}, {"a/one"}, {"b/x"}, {"a/x"}});
        Alias mix;
        mix.name = "mix";
        mix.mode = AliasMode::weighted;
        mix.choice.after_refusal = AfterRefusal::fallback;
        mix.members = {{"safe/x", 3}, {"two/gpt-image-1.5", 2}, {"sandbox/p", 1}};
        EXPECT_TRUE(models.add(std::move(mix)));
        policy.keys = ring_of(key_json("k", R"("limits":{"concurrent":6,"images_per_day":)" +
                                                std::to_string(kManyImages) + "}"));
        policy.answer_max = 1'000'000;
        policy.deadline = Milliseconds(10'000);
        world.log.keeps = false;
        world.upstream.on_start = [this] {
            count_ended();
            look_at_new_calls();
        };
    }

    uint64_t below(uint64_t bound) { return dice.below(bound); }

    void start() {
        static constexpr const char *kModels[] = {"long", "dear",  "mix",       "a/x",    "ones",
                                                  "ones", "two/x", "sandbox/p", "safe/x", "safe/x"};
        static constexpr const char *kTimeouts[] = {"", "1", "3", "7"};
        const std::string model = kModels[below(std::size(kModels))];
        auto run = std::make_unique<Run>();
        run->has_key = below(2) == 0;
        run->images = static_cast<int64_t>(1 + below(3));
        run->stops_after_unknown = model == "dear";
        run->goes_on_after_refusal = model == "mix";
        run->body = R"({"prompt":"a","size":"64x64","model":")" + model + R"(","n":)" +
                    std::to_string(run->images) + "}";
        RequestHead head = run->has_key ? as("sk-bf-k") : RequestHead{};
        head.timeout = kTimeouts[below(4)];
        run->deadline =
            world.clock.now() +
            (head.timeout.empty() ? policy.deadline : Milliseconds(1000 * (head.timeout[0] - '0')));
        run->exchange = std::make_unique<Exchange>(models, policy, accounts, health, world.ports);
        if (const auto ready = run->exchange->identify(head).and_then(
                [&] { return *run->exchange->enter({}, nullptr); });
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
        mine->exchange->run(Operation::generate, mine->body,
                            [this, mine](const Answer &answer) { on_answer(*mine, answer); });
    }

    void on_answer(Run &run, const Answer &answer) {
        ++run.answers;
        EXPECT_EQ(run.answers, 1);
        EXPECT_LE(world.clock.now(), run.deadline) << "an answer after the deadline";
        run.status = answer.status;
        ++statuses[answer.status];
        const ReadJson json(answer.body.copy());
        run.made = answer.status == 200 ? static_cast<int64_t>(json["data"].size()) : 0;
        for (const auto &seen : run.calls) {
            EXPECT_TRUE(seen->call->state != State::open || answer.status == 504 || run.made > 0);
        }
    }

    // Every call belongs to a request that still waits, and is one that may be made.
    void look_at_new_calls() {
        for (; looked_at < world.upstream.calls.size(); ++looked_at) {
            const auto &call = world.upstream.calls[looked_at];
            auto seen = std::make_shared<Seen>();
            seen->call = call;
            seen->body = call->call.body.copy();
            seen->began = world.clock.now();
            seen->host = call->call.url.substr(8, call->call.url.find('/', 8) - 8);
            std::string id;
            for (const std::string &line : call->call.headers) {
                const size_t colon = line.find(": ");
                const std::string name = line.substr(0, colon);
                (name == "X-Client-Request-Id" ? id
                 : name == "Authorization"     ? seen->key
                 : name == "Idempotency-Key"   ? seen->idempotency_key
                                               : ignored) = line.substr(colon + 2);
            }
            ASSERT_TRUE(runs.contains(id));
            check_new(*runs.at(id), *seen);
            runs.at(id)->calls.push_back(seen);
            open.push_back({runs.at(id).get(), seen});
        }
    }

    void check_new(const Run &run, Seen &seen) {
        EXPECT_EQ(run.answers, 0);
        EXPECT_LT(world.clock.now(), run.deadline);
        EXPECT_LE(seen.call->call.timeouts.total,
                  run.deadline - world.clock.now() + Milliseconds(1000));
        if (seen.host == "two") {
            EXPECT_LE(++busy, kMaxOfTwo) << "more calls at once than the provider takes";
            seen.counted = true;
        }
        EXPECT_GE(world.clock.now(), rests[seen.host + seen.body.substr(0, 20) + seen.key])
            << "a key that was told to rest";
        const bool side_by_side = run.images > 1 && seen.is_of_several();
        int64_t may_run = run.images;  // calls side by side that were not billed
        for (const auto &earlier : run.calls) {
            if (!earlier->outcome) {
                EXPECT_EQ(earlier->host, seen.host) << "two candidates at once";
                --may_run;
                continue;
            }
            if (side_by_side && earlier->host == seen.host && earlier->body == seen.body) {
                const bool billed = earlier->outcome == T::made || earlier->outcome == T::unknown;
                may_run -= billed ? 1 : 0;
                continue;
            }
            EXPECT_NE(*earlier->outcome, T::callers_fault);
            EXPECT_TRUE(*earlier->outcome != T::refused_by_policy || run.goes_on_after_refusal);
            EXPECT_NE(*earlier->outcome, T::made);
            if (*earlier->outcome == T::unknown) {
                EXPECT_FALSE(run.stops_after_unknown);
                if (earlier->host == seen.host) {
                    EXPECT_EQ(seen.host, "safe") << "asked again where it may have been billed";
                    EXPECT_EQ(seen.body, earlier->body);
                    EXPECT_FALSE(seen.idempotency_key.empty());
                    EXPECT_EQ(seen.idempotency_key, earlier->idempotency_key);
                    ++repeated;
                }
            }
        }
        EXPECT_TRUE(!side_by_side || may_run >= 1) << "one of several calls was repeated";
    }

    void count_ended() {
        std::erase_if(open, [this](const auto &one) {
            if (one.seen->call->state == State::open) {
                return false;
            }
            busy -= one.seen->counted ? 1 : 0;
            return true;
        });
    }

    void deliver_something() {
        count_ended();
        if (open.empty()) {
            return;
        }
        static constexpr T kTypes[] = {T::made,         T::made,     T::made,
                                       T::broken,       T::broken,   T::unknown,
                                       T::throttled,    T::not_here, T::our_credentials,
                                       T::throttled,    T::broken,   T::callers_fault,
                                       T::unknown,      T::made,     T::refused_by_policy,
                                       T::out_of_quota, T::made,     T::made};
        T type = kTypes[below(std::size(kTypes))];
        const bool rests_long = type == T::our_credentials || type == T::out_of_quota;
        if (rests_long && below(30) != 0) {
            type = T::made;  // else most keys would rest most of the time
        }
        const auto one = open[below(open.size())];
        one.seen->outcome = type;
        if (one.seen->counted) {
            --busy;  // before it is delivered: another may begin at once
            one.seen->counted = false;
        }
        FakeUpstream::deliver(*one.seen->call, response_to(one, type));
        count_ended();
    }

    struct Open {
        Run *run;
        std::shared_ptr<Seen> seen;
    };

    HttpResponse response_to(const Open &one, T type) {
        if (type == T::made) {
            one.seen->made =
                static_cast<int64_t>(1 + below(static_cast<uint64_t>(one.seen->images())));
            return images(static_cast<int>(one.seen->made));
        }
        if (type == T::throttled) {
            const auto seconds = static_cast<int64_t>(below(4));
            Milliseconds &rest =
                rests[one.seen->host + one.seen->body.substr(0, 20) + one.seen->key];
            rest = std::max(rest, world.clock.now() + Milliseconds(1000 * seconds));
            return response_of(429, error_json("rate_limit_error", "rate_limit_exceeded"),
                               "retry-after: " + std::to_string(seconds) + "\r\n");
        }
        return response_for(type);
    }

    // What the gateway lists is what happened. Local attempts are not seen from here.
    void check(const Run &run) {
        std::multiset<std::pair<std::string, T>> expected;
        for (const auto &seen : run.calls) {
            EXPECT_NE(seen->call->state, State::open) << "a call that nobody waits for";
            if (seen->outcome) {
                expected.emplace(seen->host, *seen->outcome);
            } else {
                expected.emplace(seen->host, T::too_late);
            }
        }
        std::multiset<std::pair<std::string, T>> listed;
        for (const AttemptRecord &record : run.exchange->attempts()) {
            if (record.provider != "sandbox") {
                listed.emplace(record.provider, record.outcome);
            }
        }
        EXPECT_EQ(listed, expected);
        ++checked;
    }

    // Images that this request has cost without an answer, as its providers see it: of calls that
    // may have been billed, and of those that made something for nobody. The same call again, with
    // the same idempotency key, is one.
    int64_t lost_by(const Run &run) {
        int64_t lost = 0;
        std::map<std::string, bool> with_key;  // whether it was made at last
        for (const auto &seen : run.calls) {
            const bool perhaps = !seen->outcome || *seen->outcome == T::unknown;
            if (!seen->idempotency_key.empty()) {
                if (perhaps || seen->outcome == T::made) {
                    with_key[seen->idempotency_key] |= seen->outcome == T::made;
                }
            } else if (perhaps) {
                lost += seen->images();
            }
            lost += run.answers == 0 ? seen->made : 0;
        }
        for (const auto &[key, made] : with_key) {
            lost += made ? 0 : run.images;
        }
        for (const AttemptRecord &record : run.exchange->attempts()) {
            lost += record.provider == "sandbox" && record.may_be_billed ? record.images : 0;
        }
        return lost;
    }

    static std::string story_of(const Run &run) {
        std::string story = " was answered with " + std::to_string(run.status);
        for (const AttemptRecord &record : run.exchange->attempts()) {
            story += ", " + record.provider + " " + std::string(name_of(record.outcome));
        }
        return story;
    }

    void end(std::map<std::string, std::unique_ptr<Run>>::iterator at) {
        Run &run = *at->second;
        if (run.answers == 0) {
            run.exchange->cancel();
            ++aborted;
        }
        // Whether the sandbox was at work when its client left is not to be seen from here.
        const auto asks_for = [&](const char *model) {
            return run.body.find(model) != std::string::npos;
        };
        const bool drawing =
            run.answers == 0 && (asks_for("sandbox") || asks_for("long") || asks_for("mix"));
        if (!drawing) {
            EXPECT_EQ(run.exchange->images_lost(), lost_by(run)) << run.body << story_of(run);
        }
        if (run.has_key) {
            images_used += run.made + run.exchange->images_lost();
        }
        count_ended();
        check(run);
        runs.erase(at);
    }

    static constexpr int kMaxOfTwo = 3;
    std::string ignored;
    FakeRandom dice{2026};
    std::map<std::string, std::unique_ptr<Run>> runs;
    std::vector<Open> open;
    std::map<std::string, Milliseconds> rests;
    size_t looked_at = 0;
    int busy = 0;
    std::map<int, int> statuses;
    int turned_away = 0;
    int aborted = 0;
    int checked = 0;
    int repeated = 0;
    int64_t images_used = 0;
};

TEST_F(ExchangeHistory, HoldsItsPromisesWhateverHappens) {
    int started = 0;
    while (started < kRequests && !HasFailure()) {
        switch (below(8)) {
            case 0:
            case 1:
                if (runs.size() < 16) {
                    ++started;
                    start();
                }
                break;
            case 2:
            case 3:
            case 4: deliver_something(); break;
            case 5: world.loop.advance(Milliseconds(static_cast<int64_t>(below(700)))); break;
            case 6: world.tasks.run_all(); break;
            default:
                for (auto at = runs.begin(); at != runs.end();) {
                    const auto next = std::next(at);
                    if (at->second->answers == 1 || below(60) == 0) {
                        end(at);
                    }
                    at = next;
                }
        }
        if (looked_at > 10'000) {
            world.upstream.calls.clear();  // what is still open is known to its request
            looked_at = 0;
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
    EXPECT_EQ(images_left(), kManyImages - images_used);
    const Moment now{world.clock.unix_seconds(), world.clock.now().count()};
    EXPECT_EQ(ledger.sweep(
                  now, [](int32_t) { return false; }, [](const Orphaned &) {}),
              0U)
        << "leases not returned";
    EXPECT_EQ(health.sweep(now, [](int32_t) { return false; }), 0U) << "calls not returned";
    // The simulation has been everywhere.
    EXPECT_GT(checked, kRequests * 3 / 4);
    EXPECT_GT(aborted, of_cases(1'000));
    EXPECT_GT(turned_away, of_cases(300));
    EXPECT_GT(repeated, of_cases(200));
    for (const int status : {200, 400, 404, 502, 503, 504}) {
        EXPECT_GT(statuses[status], of_cases(100)) << status;
    }
}

}  // namespace
}  // namespace gateway

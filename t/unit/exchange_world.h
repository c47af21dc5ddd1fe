// A complete gateway for tests: three providers, some aliases, keys with limits, and fake ports.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/exchange/exchange.h"
#include "fake_ports.h"
#include "read_json.h"
#include "responses.h"

namespace gateway {

inline std::string key_json(const std::string &id, const std::string &more = "") {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string hex;
    for (const uint8_t byte : sha256("sk-bf-" + id)) {
        hex += {kDigits[byte >> 4], kDigits[byte & 15]};
    }
    return R"({"id":")" + id + R"(","sha256":")" + hex + "\"" + (more.empty() ? "" : ",") + more +
           "}";
}

inline std::shared_ptr<const KeyRing> ring_of(const std::string &keys) {
    auto read = KeyRing::read("{\"keys\":[" + keys + "]}");
    EXPECT_TRUE(read) << read.error();
    return read ? *read : nullptr;
}

// The observable results of one request. The reply is parsed as JSON.
struct Told {
    int answers = 0;
    std::optional<Answer> answer;
    [[nodiscard]] int status() const { return answer ? answer->status : 0; }
    [[nodiscard]] ReadJson json() const { return ReadJson(answer ? answer->body.copy() : "null"); }
    [[nodiscard]] std::string header(std::string_view name) const {
        for (const auto &[key, value] : answer ? answer->headers : decltype(answer->headers)()) {
            if (key == name) {
                return value;
            }
        }
        return "";
    }
};

class ExchangeTest : public testing::Test {
 protected:
    ExchangeTest() {
        EXPECT_TRUE(Ledger::prepare(memory.region(), true));
        forget_health();
        models.use(std::make_shared<const Catalogue>(*Catalogue::read(Catalogue::built_in())));
        add_provider("a", {"sk-secret-a"});
        add_provider("b", {"sk-secret-b"});
        add_provider("c", {"sk-secret-c"});
        add_alias("chain", {{"a/gpt-image-2"}, {"b/gpt-image-2"}, {"c/gpt-image-2"}});
        policy.auth = AuthMode::optional;
        policy.answer_max = 1'000'000;
    }

    Provider *add_provider(const char *name, std::vector<std::string> secrets,
                           const char *api = "openai") {
        auto provider = std::make_unique<Provider>();
        provider->name = name;
        provider->dialect = dialect_named(api);
        provider->url = "https://" + std::string(name);
        for (std::string &secret : secrets) {
            provider->keys.push_back({std::move(secret)});
        }
        // Off by default, because most tests are about something else.
        provider->retry.attempts = 1;
        provider->retry.within = Milliseconds(0);
        provider->breaker.failures = 0;
        Provider *added = provider.get();
        models.add(std::move(provider));
        return added;
    }
    void add_alias(const char *name, std::vector<Alias::Member> members,
                   AfterUnknown after_unknown = AfterUnknown::fallback) {
        Alias alias;
        alias.name = name;
        alias.members = std::move(members);
        alias.choice.after_unknown = after_unknown;
        EXPECT_TRUE(models.add(std::move(alias)));
    }

    // Closes all breakers and ends the rest of all keys.
    void forget_health() { EXPECT_TRUE(Health::prepare(health_memory.region(), true)); }

    // The first two steps. An error of a step is the reply.
    void open(const RequestHead &head = {}) {
        exchange.reset();
        if (!remembers_health) {
            forget_health();
        }
        told = {};
        exchange = std::make_unique<Exchange>(models, policy, accounts, health, world.ports);
        auto ready = exchange->identify(head).and_then([this] { return enter(); });
        if (!ready) {
            told.answer = exchange->refuse(ready.error());
            told.answers = 1;
        }
    }
    // The accounts answer at once.
    Exchange::Entered enter() { return *exchange->enter({}, nullptr); }
    void run(const std::string &body) {
        exchange->run(Operation::generate, body, [this](Answer answer) {
            ++told.answers;
            told.answer = std::move(answer);
        });
    }
    void ask(const std::string &body, const RequestHead &head = {}) {
        open(head);
        if (told.answers == 0) {
            run(body);
        }
    }
    static RequestHead as(std::string_view secret) {
        RequestHead head;
        head.credentials = {secret};
        return head;
    }

    Moment now() { return {world.clock.unix_seconds(), world.clock.now().count()}; }
    // What a request of the key "k" counts for.
    std::vector<PartyShare> key_shares() {
        caller_.ring = policy.keys;
        caller_.key = policy.keys->find("sk-bf-k");
        return shares_of(parties_of(caller_, {}, {}, policy.limits));
    }
    // How many images that key could still have.
    int64_t images_left() {
        auto shares = key_shares();
        const auto left = ledger.reserve(shares, 0, 0, now());
        EXPECT_TRUE(left);
        return left ? left->images.remaining : -1;
    }

    // The hosts asked so far, and with which key's last letter if that matters: "a b c"
    [[nodiscard]] std::string asked() const {
        std::string hosts;
        for (const auto &seen : world.upstream.calls) {
            const std::string &url = seen->call.url;
            hosts += (hosts.empty() ? "" : " ") + url.substr(8, url.find('/', 8) - 8);
        }
        return hosts;
    }
    [[nodiscard]] size_t open_calls() const {
        return world.upstream.count(FakeUpstream::State::open);
    }
    // "a/gpt-image-2 broken, b/gpt-image-2 made": what the answer lists
    [[nodiscard]] std::string listed() const {
        std::string all;
        const ReadJson json = told.json();
        for (const JsonValue attempt : json["extra_fields"]["attempts"]) {
            all += (all.empty() ? "" : ", ") + std::string(attempt["provider"].string()) + " " +
                   std::string(attempt["outcome"].string());
        }
        return all;
    }

    FakeWorld world;
    FakeMemory memory{256 * 1024};
    FakeMemory health_memory{64 * 1024};
    Ledger ledger{memory, memory.budgets()};
    LedgerAccounts accounts{ledger, world.clock, 7};
    Health health{health_memory, 7};
    ModelMap models;
    Policy policy;
    bool remembers_health = false;  // from one request to the next
    Told told;
    Caller caller_;
    std::unique_ptr<Exchange> exchange;
};

}  // namespace gateway

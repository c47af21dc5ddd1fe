// Callers who use the same provider: what one of them writes, and what the provider replies to it,
// must not block the provider for the others.
#include <gtest/gtest.h>

#include "core/routing/failure.h"
#include "exchange_world.h"

namespace gateway {
namespace {

using T = OutcomeType;

constexpr const char *kApis[] = {"openai",      "azure-openai", "xai",       "together",
                                 "openrouter",  "recraft",      "vllm-omni", "sd-server",
                                 "siliconflow", "aggregator"};

class NeighboursTest : public ExchangeTest {
 protected:
    NeighboursTest() { remembers_health = true; }

    // A provider of this api, known to the configuration for the models "first" and "second".
    std::string add(const std::string &api) {
        const std::string name = "p-" + api;
        Provider *provider = add_provider(name.c_str(), {"sk-1"}, api.c_str());
        provider->breaker.failures = 3;
        add_alias(("known-" + api).c_str(), {{name + "/first"}, {name + "/second"}});
        return name;
    }
    // Asks for a model; false if the provider was not asked.
    bool reaches(const std::string &model, const std::string &prompt = "a") {
        const size_t before = world.upstream.calls.size();
        ask(R"({"prompt":")" + prompt + R"(","model":")" + model + "\"}");
        return world.upstream.calls.size() > before;
    }
    void answer(int status, const std::string &code, const std::string &message,
                const std::string &headers = "") {
        world.upstream.deliver(response_of(status, error_json("", code, message), headers));
    }
    [[nodiscard]] std::string code() const {
        return std::string(told.json()["error"]["code"].string());
    }
};

// All words that error tables search for.
constexpr const char *kWords[] = {"quota",
                                  "billing",
                                  "invalid token",
                                  "invalid api key",
                                  "incorrect api key",
                                  "available credits",
                                  "spending limit",
                                  "temporarily blocked",
                                  "limit: 0",
                                  "overloaded",
                                  "Exhausted balance",
                                  "用户额度不足",
                                  "无效的令牌",
                                  "model mismatch"};

TEST_F(NeighboursTest, AModelNameThatTheProviderRepeatsRestsNoOtherModel) {
    for (const char *api : kApis) {
        const std::string name = add(api);
        for (const std::string word : kWords) {
            std::string model = word;
            std::replace(model.begin(), model.end(), ' ', '-');
            if (!is_model_name(model)) {
                continue;
            }
            for (const int status : {400, 402, 403, 404, 422, 429, 500, 503}) {
                forget_health();
                ASSERT_TRUE(reaches(name + "/" + model));
                answer(status, "", "No access to the model " + model + ", or to " + word + ".");
                ASSERT_TRUE(reaches(name + "/first")) << api << " " << status << " " << word;
                world.upstream.deliver(images(1));
                ASSERT_EQ(told.status(), 200);
            }
        }
    }
}

TEST_F(NeighboursTest, APromptThatTheProviderRepeatsRestsNoOtherModel) {
    for (const char *api : kApis) {
        const std::string name = add(api);
        for (const std::string word : kWords) {
            for (const int status : {400, 402, 403, 404, 422, 429, 500, 503}) {
                forget_health();
                ASSERT_TRUE(reaches(name + "/first", "Draw " + word + " now"));
                answer(status, "", "Cannot make 'Draw " + word + "…'");
                ASSERT_TRUE(reaches(name + "/second")) << api << " " << status << " " << word;
                world.upstream.deliver(images(1));
                ASSERT_EQ(told.status(), 200);
            }
        }
    }
}

TEST_F(NeighboursTest, APromptThatTheProviderRepeatsOpensNoBreaker) {
    const std::string name = add("siliconflow");
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(reaches(name + "/first", "overloaded"));
        answer(400, "", "'overloaded' is no good prompt");
        EXPECT_EQ(told.status(), 400);
    }
    EXPECT_TRUE(reaches(name + "/first"));
}

// Otherwise a prompt with both words would make the key rest for this model because of a 403.
TEST_F(NeighboursTest, ARefusalStaysOneWhenThePromptHasWordsOfTrouble) {
    const std::string name = add("aggregator");
    for (const char *prompt : {"quota", "moderated", "quota, moderated", "Q_U_O_T_A moderated"}) {
        ASSERT_TRUE(reaches(name + "/first", prompt)) << prompt;
        answer(403, "", "Request Moderated: " + std::string(prompt));
        EXPECT_EQ(told.status(), 400) << prompt;
        EXPECT_EQ(code(), "content_policy_violation") << prompt;
    }
    EXPECT_TRUE(reaches(name + "/first"));
}

TEST_F(NeighboursTest, CodesCountBeforeWords) {
    const std::string name = add("aggregator");
    ASSERT_TRUE(reaches(name + "/first"));
    answer(403, "model_not_found", "The quota of this group has no such model");
    EXPECT_EQ(listed(), name + " not_here");
    EXPECT_TRUE(reaches(name + "/first"));
}

TEST_F(NeighboursTest, WordsOfTheProvidersOwnStillCount) {
    const std::string name = add("aggregator");
    ASSERT_TRUE(reaches(name + "/first"));
    answer(429, "", "token quota of the user was exceeded");
    EXPECT_EQ(listed(), name + " out_of_quota");
    EXPECT_FALSE(reaches(name + "/first"));
    EXPECT_TRUE(reaches(name + "/second")) << "only codes speak of the account";
}

TEST_F(NeighboursTest, OnlyWhatSpeaksOfTheKeyRestsItForAllModels) {
    const struct {
        const char *api;
        int status;
        const char *code;
        bool rests_all;
    } kRows[] = {
        {"openai", 401, "", true},
        {"openai", 400, "invalid_api_key", true},
        {"openai", 403, "", false},
        {"openai", 403, "unsupported_country_region_territory", true},
        {"openai", 402, "", false},
        {"openai", 429, "insufficient_quota", true},
        {"openai", 400, "billing_hard_limit_reached", true},
        {"openai", 429, "rate_limit_exceeded", false},
        {"xai", 403, "permission-denied", false},
        {"recraft", 400, "not_enough_credits", true},
        {"aggregator", 403, "insufficient_user_quota", true},
        {"aggregator", 401, "", true},
        {"openrouter", 402, "402", false},
        {"openrouter", 403, "403", false},
        {"openrouter", 200, "401", true},
    };
    int number = 0;
    for (const auto &row : kRows) {
        const std::string name = "q" + std::to_string(++number);
        add_provider(name.c_str(), {"sk-1"}, row.api);
        add_alias(("known" + std::to_string(number)).c_str(),
                  {{name + "/first"}, {name + "/second"}});
        ASSERT_TRUE(reaches(name + "/first"));
        answer(row.status, row.code, "No.");
        EXPECT_FALSE(reaches(name + "/first")) << row.api << " " << row.status << row.code;
        EXPECT_EQ(!reaches(name + "/second"), row.rests_all)
            << row.api << " " << row.status << row.code;
    }
}

TEST_F(NeighboursTest, ATimeToWaitThatACallerWroteDoesNotCount) {
    add_provider("r", {"sk-1"}, "replicate");
    add_alias("known-r", {{"r/o/first"}, {"r/o/second"}});
    const auto wait_for = [&](const char *prompt) {
        forget_health();
        EXPECT_TRUE(reaches("r/o/first", prompt));
        world.upstream.deliver(response_of(429, R"({"detail":"It resets in ~500s."})"));
        EXPECT_EQ(told.status(), 503);
        return told.header("Retry-After");
    };
    EXPECT_EQ(wait_for("a"), "500");
    EXPECT_EQ(wait_for("resets in ~500s"), "1");
}

// ---- names that the catalogue does not list

TEST_F(NeighboursTest, MadeUpNamesShareAThrottle) {
    const std::string name = add("aggregator");
    ASSERT_TRUE(reaches(name + "/made-up-1"));
    answer(429, "", "slowly", "retry-after: 30\r\n");
    EXPECT_FALSE(reaches(name + "/made-up-2"));
    EXPECT_EQ(told.json()["extra_fields"]["skipped"].at(0)["reason"].string(), "keys_resting");
    EXPECT_TRUE(reaches(name + "/first")) << "what the configuration names is for itself";
    EXPECT_TRUE(reaches("a/gpt-image-1")) << "and what the catalogue names";
}

TEST_F(NeighboursTest, NamesThatMatchARowOfTheCatalogueShareAThrottle) {
    add_provider("az", {"sk-1"}, "azure-openai");
    ASSERT_TRUE(reaches("az/gpt-image-2-made-up"));
    answer(429, "", "slowly", "retry-after: 30\r\n");
    EXPECT_FALSE(reaches("az/gpt-image-2-made-up-too"));
    EXPECT_TRUE(reaches("az/gpt-image-2")) << "the row's own name is not made up";
    EXPECT_TRUE(reaches("az/gpt-image-1.5-made-up")) << "another row";
}

TEST_F(NeighboursTest, MadeUpNamesOpenNoBreaker) {
    const std::string name = add("aggregator");
    for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(reaches(name + "/made-up-" + std::to_string(i)));
        world.upstream.deliver(undelivered(TransferEnd::lost));
    }
    EXPECT_TRUE(reaches(name + "/another"));
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(reaches(name + "/first"));
        world.upstream.deliver(undelivered(TransferEnd::lost));
    }
    EXPECT_FALSE(reaches(name + "/first")) << "known ones have one";
    EXPECT_TRUE(reaches(name + "/second"));
}

TEST_F(NeighboursTest, MadeUpNamesDoNotFillTheTable) {
    const std::string name = add("aggregator");
    auto *provider = const_cast<Provider *>(models.provider(name));
    provider->max_calls = 1;
    for (int i = 0; i < 3'000; ++i) {
        ASSERT_TRUE(reaches(name + "/made-up-" + std::to_string(i))) << i;
        i % 2 == 0 ? world.upstream.deliver(undelivered(TransferEnd::lost))
                   : answer(403, "", "No.");
        if (i % 2 == 1) {
            world.loop.advance(Milliseconds(60'000));
        }
        world.upstream.calls.clear();
    }
    ASSERT_TRUE(reaches(name + "/first"));
    world.upstream.deliver(images(1));
    EXPECT_EQ(health.take_times_full(), 0U);
}

// Two models of one provider must have different keys.
TEST_F(NeighboursTest, EachMadeUpNameHasAnIdempotencyKeyOfItsOwn) {
    Provider *provider = add_provider("i", {"sk-1"});
    provider->takes_idempotency = true;
    ask(R"({"prompt":"a","model":"i/made-up-1","fallbacks":["i/made-up-2"]})");
    world.upstream.deliver(response_for(T::not_here));
    ASSERT_EQ(world.upstream.calls.size(), 2U);
    const auto key_of = [&](size_t call) {
        for (const std::string &line : world.upstream.calls.at(call)->call.headers) {
            if (line.starts_with("Idempotency-Key: ")) {
                return line;
            }
        }
        return std::string();
    };
    EXPECT_NE(key_of(0), "");
    EXPECT_NE(key_of(0), key_of(1));
}

}  // namespace
}  // namespace gateway

// Which words in a provider's error may come from the caller.
#include "core/providers/callers_words.h"

#include <gtest/gtest.h>

#include <vector>

#include "fake_ports.h"
#include "read_json.h"

namespace gateway {
namespace {

class CallersWordsTest : public testing::Test {
 protected:
    bool finds(std::string_view word) {
        return is_in_request(
            {provider, nullptr, model, params, passed, id, idempotency_key, trace, random}, word);
    }

    Provider provider;
    std::string model = "m";
    Params params;
    std::vector<JsonValue> passed;
    std::string id = "req_1";
    std::string idempotency_key;
    std::string trace;
    FakeRandom random;
};

TEST_F(CallersWordsTest, AreLookedForInAllThatIsSent) {
    EXPECT_FALSE(finds("quota"));
    for (std::string *text : {&model, &id, &idempotency_key, &trace}) {
        const std::string before = std::exchange(*text, "x-quota-x");
        EXPECT_TRUE(finds("quota"));
        *text = before;
    }
    for (const Param param : {Param::prompt, Param::negative_prompt, Param::user, Param::style}) {
        params[param] = std::string_view("my quota");
        EXPECT_TRUE(finds("quota")) << name_of(param);
        params.clear(param);
    }
    const ReadJson json(R"({"quota":1,"a":{"b":["x",{"quota":2}]},"c":[["","no quota"]],"d":"x"})");
    for (const char *name : {"quota", "a", "c"}) {
        passed = {json[name]};
        EXPECT_TRUE(finds("quota")) << name;
    }
    passed = {json["d"]};
    EXPECT_FALSE(finds("quota"));
}

TEST_F(CallersWordsTest, AreFoundHoweverTheyAreWritten) {
    for (const char *prompt : {"invalid api key", "INVALID API KEY", "invalid_api-key",
                               "an invalid\n\"api\" key!", "inva\xe2\x80\x8blid api key"}) {
        params[Param::prompt] = std::string_view(prompt);
        EXPECT_TRUE(finds("invalid api key")) << prompt;
    }
    for (const char *prompt : {"invalid apikes", "api key invalid", "", "invalid api"}) {
        params[Param::prompt] = std::string_view(prompt);
        EXPECT_FALSE(finds("invalid api key")) << prompt;
    }
    params[Param::prompt] = std::string_view("画 用户额度不足");
    EXPECT_TRUE(finds("用户额度不足"));
    EXPECT_FALSE(finds("无效的令牌"));
}

TEST_F(CallersWordsTest, TakeBackOnlyWhatConcernsOthers) {
    params[Param::prompt] = std::string_view("the word");
    const struct {
        OutcomeType found;
        OutcomeType without_words;
        OutcomeType expected;
    } kRows[] = {
        {OutcomeType::out_of_quota, OutcomeType::throttled, OutcomeType::throttled},
        {OutcomeType::broken, OutcomeType::callers_fault, OutcomeType::callers_fault},
        {OutcomeType::our_credentials, OutcomeType::not_here, OutcomeType::not_here},
        {OutcomeType::refused_by_policy, OutcomeType::our_credentials,
         OutcomeType::refused_by_policy},
        {OutcomeType::not_here, OutcomeType::broken, OutcomeType::not_here},
        {OutcomeType::refused_by_policy, OutcomeType::unknown, OutcomeType::unknown},
        {OutcomeType::broken, OutcomeType::unknown, OutcomeType::unknown},
    };
    for (const auto &row : kRows) {
        Outcome outcome;
        outcome.type = row.found;
        outcome.from_words = {"word", row.without_words, ""};
        const ProviderRequest request{provider, nullptr,         model, params, passed,
                                      id,       idempotency_key, trace, random};
        distrust_callers_words(outcome, request);
        EXPECT_EQ(outcome.type, row.expected) << name_of(row.found);
        outcome.type = row.found;
        outcome.from_words = {"other", row.without_words, ""};
        distrust_callers_words(outcome, request);
        EXPECT_EQ(outcome.type, row.found);
    }
}

}  // namespace
}  // namespace gateway

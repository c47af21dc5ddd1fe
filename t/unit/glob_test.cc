#include "core/glob.h"

#include <gtest/gtest.h>

#include <string>

namespace gateway {
namespace {

TEST(Glob, LeavesCaseAsideBehindSoManyCharacters) {
    EXPECT_TRUE(glob_matches("az/gpt-*", "az/GPT-Image", 2));
    EXPECT_TRUE(glob_matches("az/GPT-*", "az/gpt-image", 2));
    EXPECT_TRUE(glob_matches("*-MINI", "Az/gpt-mini", 0));
    EXPECT_FALSE(glob_matches("az/gpt-*", "Az/gpt-image", 2));
    EXPECT_FALSE(glob_matches("az/gpt-*", "az/GPT-Image"));
    EXPECT_FALSE(glob_matches("az/gpt-[", "az/gpt-{", 0)) << "only letters have a case";
}

TEST(Glob, MatchesAsPeopleExpect) {
    struct {
        std::string_view pattern;
        std::string_view text;
        bool matches;
    } const rows[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"*", "", true},
        {"*", "anything/at:all", true},
        {"**", "a", true},
        {"auto", "auto", true},
        {"auto", "auto2", false},
        {"auto", "Auto", false},
        {"openai/*", "openai/gpt-image-2", true},
        {"openai/*", "openai/", true},
        {"openai/*", "openai", false},
        {"openai/*", "my-openai/gpt-image-2", false},
        {"*-mini", "gpt-image-1-mini", true},
        {"*-mini", "gpt-image-1-mini-2", false},
        {"gpt-*-mini", "gpt-image-1-mini", true},
        {"gpt-*-mini", "gpt-mini", false},
        {"gpt-*-mini", "gpt--mini", true},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"*ab", "aab", true},
        {"*ab", "abab", true},
        {"*abc*", "ababc", true},
        {"a*a", "a", false},
        {"a*a", "aa", true},
        {"a**b", "ab", true},
        {"?", "a", false},
        {"?", "?", true},
        {"[a]", "a", false},
        {"a.c", "abc", false},
        {"\\*", "*", false},
    };
    for (const auto &row : rows) {
        EXPECT_EQ(glob_matches(row.pattern, row.text), row.matches)
            << row.pattern << " against " << row.text;
    }
}

TEST(Glob, TakesNoneOfItsTimeForHostilePatterns) {
    std::string pattern;
    for (int i = 0; i < 200; ++i) {
        pattern += "a*";
    }
    EXPECT_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace gateway

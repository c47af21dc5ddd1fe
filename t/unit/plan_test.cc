// The candidates of a request, in the order in which they are tried.
#include "core/routing/plan.h"

#include <gtest/gtest.h>

#include "routing_world.h"

namespace gateway {
namespace {

class PlanTest : public RoutingTest {
 protected:
    PlanTest() {
        add_alias("auto", {{"openai/gpt-image-2"}, {"sandbox/placeholder"}});
        add_alias("outer", {{"azure/a"}, {"auto"}});
    }
    // The candidates, or "status code param".
    std::string plan(std::string_view model, const std::vector<std::string> &fallbacks = {}) {
        const auto made = make_plan(map, caller, model, fallbacks, random);
        return made ? names_of(made->candidates)
                    : std::to_string(made.error().status) + " " + made.error().code + " " +
                          made.error().param;
    }
};

TEST_F(PlanTest, IsTheModelThenTheCallersFallbacksThenTheKeys) {
    EXPECT_EQ(plan("gpt-image-2"), "openai/gpt-image-2");
    EXPECT_EQ(plan("auto", {"azure/a", "azure:b"}),
              "openai/gpt-image-2 sandbox/placeholder azure/a azure/b");
    caller_for({});
    key.fallbacks = {"azure/k", "sandbox/k"};
    EXPECT_EQ(plan("openai/x", {"azure/f"}), "openai/x azure/f azure/k sandbox/k");
}

TEST_F(PlanTest, HasEachModelAtMostOnce) {
    caller_for({});
    key.fallbacks = {"auto", "azure/a", "azure/new"};
    EXPECT_EQ(plan("outer", {"placeholder", "openai:gpt-image-2", "azure/b"}),
              "azure/a openai/gpt-image-2 sandbox/placeholder azure/b azure/new");
    EXPECT_EQ(plan("azure/a", {"openai/a", "azure/a"}),
              "azure/a openai/a openai/gpt-image-2 sandbox/placeholder azure/new")
        << "the same name at another provider is another model";
}

TEST_F(PlanTest, TellsWhatIsNotKnownFromWhatIsNotAllowed) {
    EXPECT_EQ(plan("nobody/x"), "404 model_not_found model");
    EXPECT_EQ(plan(""), "404 model_not_found model");
    caller_for({"azure/*"});
    EXPECT_EQ(plan("nobody/x"), "404 model_not_found model");
    EXPECT_EQ(plan("openai/x"), "403 model_not_allowed model");
    EXPECT_EQ(plan("auto"), "403 model_not_allowed model");
    EXPECT_EQ(plan("azure/x"), "azure/x");
}

TEST_F(PlanTest, NamesTheFallbackThatIsWrong) {
    EXPECT_EQ(plan("auto", {"azure/a", "nobody/x"}), "400 model_not_found fallbacks[1]");
    EXPECT_EQ(plan("nobody/y", {"nobody/x"}), "404 model_not_found model");
    caller_for({"azure/*"});
    EXPECT_EQ(plan("azure/a", {"openai/x"}), "403 model_not_allowed fallbacks[0]");
    const auto wrong = make_plan(map, caller, "azure/a", {"nobody/x"}, random);
    EXPECT_EQ(wrong.error().type, "invalid_request_error");
    EXPECT_NE(wrong.error().message.find("nobody/x"), std::string::npos);
}

TEST_F(PlanTest, AKeyForAnAliasIsOneForAllBehindIt) {
    caller_for({"outer"});
    EXPECT_EQ(plan("outer"), "azure/a openai/gpt-image-2 sandbox/placeholder");
    EXPECT_EQ(plan("azure/a"), "403 model_not_allowed model");
    EXPECT_EQ(plan("auto"), "403 model_not_allowed model");
}

TEST_F(PlanTest, AKeyForSomeMembersMayUseTheAliasForThem) {
    caller_for({"sandbox/*", "azure/b"});
    EXPECT_EQ(plan("auto"), "sandbox/placeholder");
    EXPECT_EQ(plan("outer"), "sandbox/placeholder");
}

TEST_F(PlanTest, WhatTheOperatorWroteIsGrantedToTheKey) {
    caller_for({"azure/*"});
    key.fallbacks = {"openai/only-here"};
    EXPECT_EQ(plan("azure/a"), "azure/a openai/only-here");
    EXPECT_EQ(plan("openai/only-here"), "403 model_not_allowed model");
}

TEST_F(PlanTest, SkipsAKeysFallbackThatIsGone) {
    caller_for({});
    key.fallbacks = {"gone/x", "gone", "azure/k"};
    EXPECT_EQ(plan("azure/a"), "azure/a azure/k");
}

TEST_F(PlanTest, GoesOnAfterAnUnknownEndAsItsAliasSays) {
    Alias careful{.name = "careful", .choice = {.after_unknown = AfterUnknown::fail}};
    careful.members = {{"auto"}};
    ASSERT_TRUE(map.add(careful));
    const auto after = [&](std::string_view model) {
        return make_plan(map, caller, model, {"careful"}, random)->choice.after_unknown;
    };
    EXPECT_EQ(after("careful"), AfterUnknown::fail);
    EXPECT_EQ(after("auto"), AfterUnknown::fallback);
    EXPECT_EQ(after("azure/a"), AfterUnknown::fallback);
}

}  // namespace
}  // namespace gateway

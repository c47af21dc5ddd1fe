// From the name that a client wrote to candidates in order.
#include "core/routing/model_map.h"

#include "core/routing/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "routing_world.h"

namespace gateway {
namespace {

class ModelMapTest : public RoutingTest {
 protected:
    // The candidates, or the error's code.
    std::string resolve(std::string_view name) {
        const auto candidates = map.resolve(name, random);
        if (!candidates) {
            EXPECT_EQ(candidates.error().status, 404);
            EXPECT_EQ(candidates.error().param, "model");
            return candidates.error().code;
        }
        return names_of(*candidates);
    }
};

TEST_F(ModelMapTest, TellsSpellingsApartWhereTheProviderDoes) {
    add_provider("deployments", "azure-openai");
    const auto found = [&](std::string_view name) { return map.resolve(name, random)->front(); };
    const Candidate small = found("deployments/gpt-image-2");
    const Candidate large = found("deployments/GPT-Image-2");
    EXPECT_EQ(large.model, "GPT-Image-2") << "sent as it was written";
    EXPECT_TRUE(small.is_same(large));
    EXPECT_FALSE(small.is_same(found("deployments/gpt-image-1")));
    EXPECT_EQ(spec_of(*map.catalogue(), small), spec_of(*map.catalogue(), large));
    EXPECT_EQ(small.provider->target(small.model).model, large.provider->target(large.model).model);
    EXPECT_TRUE(may_use(caller_for({"deployments/gpt-*"}), large));
    EXPECT_TRUE(may_use(caller_for({"deployments/GPT-*"}), small));
    EXPECT_FALSE(may_use(caller_for({"Deployments/gpt-*"}), small)) << "a provider's name is ours";

    const Candidate other = found("openai/GPT-Image-2");
    EXPECT_FALSE(found("openai/gpt-image-2").is_same(other));
    EXPECT_TRUE(spec_of(*map.catalogue(), other)->is_last_resort());
    EXPECT_FALSE(may_use(caller_for({"openai/gpt-*"}), other));
}

TEST_F(ModelMapTest, ChecksACatalogueThatItDoesNotUseYet) {
    add_alias("auto", {{"house-model"}});
    map.require("other-model");
    const auto problem = [&](const char *text) {
        const Catalogue below = built_in();
        const auto checked = map.check(read_catalogue(text, &below));
        return checked ? std::string() : checked.error();
    };
    constexpr const char *kBoth =
        R"({"apis":{"openai":[{"model":"house-model"},{"model":"other-model"}]}})";
    EXPECT_EQ(problem(kBoth), "");
    EXPECT_EQ(problem(R"({"apis":{"openai":[{"model":"other-model"}]}})"),
              "alias \"auto\" names \"house-model\", which is neither an alias nor a model of a "
              "configured provider");
    EXPECT_EQ(problem(R"({"apis":{"openai":[{"model":"house-model"}]}})"),
              "image_gateway_default_model \"other-model\" is neither an alias nor a model of a "
              "configured provider");
    EXPECT_EQ(problem(R"({"apis":{"none":[{"model":"a"}],"openai":"none"}})"),
              "the catalogue has no row \"*\" for the api \"openai\"");
    EXPECT_FALSE(map.check(*map.catalogue())) << "the one in use is the built-in one";
}

TEST_F(ModelMapTest, ResolvesInTheOrderOfTheDesign) {
    add_alias("auto", {{"openai/gpt-image-2"}, {"sandbox/placeholder"}});
    add_alias("openai/shadow", {{"azure/gpt-image-2"}});
    add_alias("gpt-image-1.5", {{"azure/dall-e-3"}});
    const struct {
        const char *name;
        const char *candidates;
    } kRows[] = {
        {"auto", "openai/gpt-image-2 sandbox/placeholder"},
        {"openai/shadow", "azure/gpt-image-2"},  // an exact alias comes first
        {"gpt-image-1.5", "azure/dall-e-3"},     // even before a bare id
        {"openai/gpt-image-2", "openai/gpt-image-2"},
        {"openai/no-such-model", "openai/no-such-model"},  // the provider knows better
        {"openai:gpt-image-2", "openai/gpt-image-2"},
        {"azure/org/model:v1", "azure/org/model:v1"},
        {"azure:org/model", "azure/org/model"},
        {"azure:a:b", "azure/a:b"},
        {"gpt-image-2", "openai/gpt-image-2"},  // the first whose catalogue lists it
        {"placeholder", "sandbox/placeholder"},
        {"gpt-image-2.5-flare-2026-09-08", "openai/gpt-image-2.5-flare-2026-09-08"},
        {"sdxl", "model_not_found"},  // "*" lists nothing by name
        {"*", "model_not_found"},
        {"", "model_not_found"},
        {"/", "model_not_found"},
        {"openai", "model_not_found"},
        {"openai/", "model_not_found"},
        {"openai:", "model_not_found"},
        {"/gpt-image-2", "model_not_found"},
        {"Openai/gpt-image-2", "model_not_found"},
        {"AUTO", "model_not_found"},
        {"bedrock/titan", "model_not_found"},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(resolve(row.name), row.candidates) << row.name;
    }
    EXPECT_TRUE(map.check(*map.catalogue()));
}

TEST_F(ModelMapTest, ExpandsAliasesWithinAliases) {
    add_alias("inner", {{"azure/gpt-image-2"}, {"gpt-image-1.5"}});
    add_alias("outer", {{"sandbox/placeholder"}, {"inner"}, {"openai:gpt-image-2"}});
    EXPECT_TRUE(map.check(*map.catalogue()));
    EXPECT_EQ(resolve("outer"),
              "sandbox/placeholder azure/gpt-image-2 openai/gpt-image-1.5 openai/gpt-image-2");
}

TEST_F(ModelMapTest, FindsLoopsAmongAliases) {
    add_alias("a", {{"sandbox/placeholder"}, {"b"}});
    add_alias("b", {{"c"}});
    add_alias("c", {{"a"}});
    const auto checked = map.check(*map.catalogue());
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error(), "model aliases form a loop: a -> b -> c -> a");
}

TEST_F(ModelMapTest, FindsAnAliasThatNamesItself) {
    add_alias("gpt-image-2", {{"gpt-image-2"}});
    ASSERT_FALSE(map.check(*map.catalogue()));
    EXPECT_NE(map.check(*map.catalogue()).error().find("loop"), std::string::npos);
}

TEST_F(ModelMapTest, ADiamondOfAliasesIsNoLoop) {
    add_alias("base", {{"sandbox/placeholder"}});
    add_alias("left", {{"base"}});
    add_alias("right", {{"base"}});
    add_alias("top", {{"left"}, {"right"}, {"base"}});
    EXPECT_TRUE(map.check(*map.catalogue()));
}

TEST_F(ModelMapTest, FindsMembersThatDoNotExist) {
    add_alias("good", {{"openai/x"}});
    add_alias("tired", {{"openai/gpt-image-2"}, {"flux/flux-2-pro"}});
    const auto checked = map.check(*map.catalogue());
    ASSERT_FALSE(checked);
    EXPECT_NE(checked.error().find("\"tired\" names \"flux/flux-2-pro\""), std::string::npos);
}

TEST_F(ModelMapTest, RefusesANameTwice) {
    add_alias("auto", {{"openai/x"}});
    EXPECT_FALSE(map.add(Alias{.name = "auto"}));
    EXPECT_EQ(resolve("auto"), "openai/x");
    EXPECT_EQ(map.provider("openai")->name, "openai");
    EXPECT_EQ(map.provider("nobody"), nullptr);
}

TEST_F(ModelMapTest, ACatalogueWithoutALastResortIsTold) {
    use_catalogue(
        R"({"apis":{"openai":[{"model":"gpt-*"}],"sandbox":[{"model":"*"}]},
            "providers":{"openai":[{"model":"*"}]}})");
    const auto checked = map.check(*map.catalogue());
    ASSERT_FALSE(checked) << "azure has none of its own";
    EXPECT_NE(checked.error().find("\"openai\""), std::string::npos);
    use_catalogue(
        R"({"apis":{"openai":[{"model":"gpt-*"}],"sandbox":[{"model":"*"}]},
            "providers":{"openai":[{"model":"*"}],"azure":[{"model":"*"}]}})");
    EXPECT_TRUE(map.check(*map.catalogue()));
}

TEST_F(ModelMapTest, ABareIdGoesToTheFirstProviderWhoseOwnRowsListIt) {
    use_catalogue(R"({"providers":{"azure":[{"model":"our-deployment"},{"model":"gpt-image-2"}]}})",
                  &built_in());
    EXPECT_EQ(resolve("our-deployment"), "azure/our-deployment");
    EXPECT_EQ(resolve("gpt-image-2"), "openai/gpt-image-2");
}

TEST_F(ModelMapTest, WhoWorksWithACatalogueKeepsIt) {
    const std::shared_ptr<const Catalogue> before = map.catalogue();
    use_catalogue(R"({"apis":{"openai":[{"model":"*"}],"sandbox":[{"model":"*"}]}})");
    EXPECT_NE(map.catalogue(), before);
    EXPECT_EQ(resolve("gpt-image-2"), "model_not_found") << "it is listed no more";
    EXPECT_TRUE(before->lists("openai", "openai", "gpt-image-2"));
}

TEST_F(ModelMapTest, TheSpecificationIsThatOfTheProvidersCatalogue) {
    use_catalogue(R"({"providers":{"azure":[{"model":"gpt-image-2","parameters":{"seed":{}}}]}})",
                  &built_in());
    const Candidate azure{map.provider("azure"), "gpt-image-2"};
    const Candidate openai{map.provider("openai"), "gpt-image-2"};
    EXPECT_TRUE((*spec_of(*map.catalogue(), azure))[Param::seed]);
    EXPECT_FALSE((*spec_of(*map.catalogue(), openai))[Param::seed]);
    EXPECT_EQ(spec_of(*map.catalogue(), {map.provider("azure"), "x"})->pattern, "*");
    EXPECT_EQ(spec_of(Catalogue(), azure), nullptr);
}

TEST_F(ModelMapTest, TellsWhichModelsAreShutDown) {
    add_alias("old", {{"openai/dall-e-3"}});
    constexpr int64_t kNovember = 1'795'000'000;
    constexpr int64_t kDecember = 1'796'083'200;
    EXPECT_EQ(
        map.shut_down("dall-e-3", kNovember),
        "according to the catalogue, the model \"openai/dall-e-3\" was shut down on 2026-05-12");
    EXPECT_TRUE(map.shut_down("azure/dall-e-3", 0));
    EXPECT_FALSE(map.shut_down("openai/gpt-image-1.5", kNovember));
    EXPECT_TRUE(map.shut_down("openai/gpt-image-1.5", kDecember));
    EXPECT_FALSE(map.shut_down("openai/gpt-image-2", INT64_MAX));
    EXPECT_FALSE(map.shut_down("openai/whatever", INT64_MAX));
    EXPECT_FALSE(map.shut_down("nobody/whatever", INT64_MAX));
    EXPECT_FALSE(map.shut_down("old", INT64_MAX)) << "its members are told one by one";
}

TEST_F(ModelMapTest, AWeightedAliasIsOrderedByChance) {
    add_alias("mix", {{"openai/a", 3}, {"azure/b", 1}}, AliasMode::weighted);
    std::map<std::string, int> seen;
    for (int i = 0; i < 10'000; ++i) {
        ++seen[resolve("mix")];
    }
    ASSERT_EQ(seen.size(), 2U);
    EXPECT_NEAR(seen["openai/a azure/b"], 7500, 200);
    EXPECT_NEAR(seen["azure/b openai/a"], 2500, 200);
}

TEST(WeightedOrder, IsAPermutationThatFollowsTheWeights) {
    FakeRandom random(3);
    const std::vector<int> weights = {1, 2, 3, 4};
    std::vector<std::vector<int>> at(4, std::vector<int>(4));
    for (int i = 0; i < 20'000; ++i) {
        auto order = weighted_order(weights, random);
        for (size_t place = 0; place < order.size(); ++place) {
            ++at[place][order[place]];
        }
        std::sort(order.begin(), order.end());
        ASSERT_EQ(order, (std::vector<size_t>{0, 1, 2, 3}));
    }
    for (size_t i = 0; i < 4; ++i) {
        EXPECT_NEAR(at[0][i], 2000 * weights[i], 250);
    }
    // The second, given the first: sum over first j of w_j/10 * w_i/(10 - w_j).
    EXPECT_NEAR(at[1][3], 20'000 * (0.1 * 4 / 9 + 0.2 * 4 / 8 + 0.3 * 4 / 7), 300);
}

TEST(WeightedOrder, TakesWhatWeighsNothingLast) {
    FakeRandom random(4);
    for (int i = 0; i < 200; ++i) {
        EXPECT_EQ(weighted_order({0, 5, 0}, random).front(), 1U);
    }
    EXPECT_EQ(weighted_order({0, 0}, random), (std::vector<size_t>{0, 1}));
    EXPECT_EQ(weighted_order({7}, random), (std::vector<size_t>{0}));
    EXPECT_TRUE(weighted_order({}, random).empty());
}

}  // namespace
}  // namespace gateway

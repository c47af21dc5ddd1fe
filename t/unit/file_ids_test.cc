// Which candidates may be sent the id of a file: those of one account.
#include "core/routing/file_ids.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "routing_world.h"

namespace gateway {
namespace {

InputImage with_id(const char *field, const char *id) {
    InputImage image;
    image.field = field;
    image.file_id = id;
    return image;
}

InputImage with_content(const char *field) {
    InputImage image;
    image.field = field;
    image.content = Content::in_memory("content");
    return image;
}

class FileIdsTest : public RoutingTest {
 protected:
    FileIdsTest() {
        add("one", "openai");
        add("other", "openai");
        add("mine", "openai", "shared");
        add("ours", "openai", "shared");
        add("closed", "openai", "off");
        add("two_keys", "openai", "", 2);
        add("foundry", "azure-openai");
        inputs.images = {with_content("image[0]"), with_id("image[1]", "file-1")};
    }
    void add(const char *name, const char *api, const char *account = "", size_t keys = 1) {
        auto provider = std::make_unique<Provider>();
        provider->name = name;
        provider->dialect = dialect_named(api);
        provider->file_account = account;
        provider->keys.resize(keys);
        map.add(std::move(provider));
    }
    // The candidates that are left, or the error.
    std::string left(std::string_view model, const std::vector<std::string> &fallbacks = {}) {
        auto plan = make_plan(map, caller, model, fallbacks, random);
        EXPECT_TRUE(plan) << plan.error().message;
        const auto kept = keep_one_file_account(*plan, *map.catalogue(), inputs);
        return kept ? names_of(plan->candidates) : kept.error().code + " " + kept.error().param;
    }
    std::string refusal(std::string_view model) {
        const auto plan = make_plan(map, caller, model, {}, random);
        const auto refused = refuse_file_ids(plan->candidates.front(), inputs);
        return refused ? refused->code + " " + refused->param : "";
    }

    InputImages inputs;
};

constexpr const char *kAmbiguous = "ambiguous_file_id image[1]";

TEST_F(FileIdsTest, OnlyCandidatesOfTheOneAccountAreLeft) {
    add_alias("mixed", {{"foundry/gpt-image-2"}, {"one/gpt-image-2"}, {"sandbox/placeholder"}});
    add_alias("shared", {{"mine/gpt-image-2"}, {"ours/gpt-image-1.5"}});
    EXPECT_EQ(left("one/gpt-image-2"), "one/gpt-image-2");
    EXPECT_EQ(left("mixed"), "one/gpt-image-2");
    EXPECT_EQ(left("shared"), "mine/gpt-image-2 ours/gpt-image-1.5");
}

TEST_F(FileIdsTest, SeveralAccountsOfTheRequestedModelAreAmbiguousInAnyOrder) {
    add_alias("both", {{"one/gpt-image-2"}, {"other/gpt-image-2"}});
    add_alias("drawn", {{"one/gpt-image-2"}, {"mine/gpt-image-2"}}, AliasMode::weighted);
    EXPECT_EQ(left("both"), kAmbiguous);
    EXPECT_EQ(left("drawn"), kAmbiguous);
    inputs.images.pop_back();
    EXPECT_EQ(left("both"), "one/gpt-image-2 other/gpt-image-2") << "without an id";
    inputs.mask = with_id("mask", "file-2");
    EXPECT_EQ(left("both"), "ambiguous_file_id mask");
}

TEST_F(FileIdsTest, FallbacksOfOtherAccountsAreLeftOut) {
    EXPECT_EQ(left("one/gpt-image-2", {"other/gpt-image-2", "one/gpt-image-1.5"}),
              "one/gpt-image-2 one/gpt-image-1.5");
    EXPECT_EQ(left("mine/gpt-image-2", {"one/gpt-image-2", "ours/gpt-image-2"}),
              "mine/gpt-image-2 ours/gpt-image-2");
    caller_for({});
    key.fallbacks = {"other/gpt-image-2"};
    EXPECT_EQ(left("one/gpt-image-2"), "one/gpt-image-2");
    EXPECT_EQ(left("foundry/gpt-image-2"), "other/gpt-image-2") << "the model itself has no files";
    key.fallbacks = {"other/gpt-image-2", "one/gpt-image-2"};
    EXPECT_EQ(left("foundry/gpt-image-2"), kAmbiguous);
}

TEST_F(FileIdsTest, WithoutAnyAccountTheCandidatesRefuseThemselves) {
    EXPECT_EQ(left("foundry/gpt-image-2"), "foundry/gpt-image-2");
    for (const char *model : {"foundry/gpt-image-2", "closed/gpt-image-2", "two_keys/gpt-image-2",
                              "sandbox/placeholder"}) {
        EXPECT_EQ(refusal(model), "unsupported_parameter image[1]") << model;
    }
    EXPECT_EQ(refusal("one/gpt-image-2"), "");
    inputs.images.pop_back();
    EXPECT_EQ(refusal("foundry/gpt-image-2"), "");
}

}  // namespace
}  // namespace gateway

// The unified contract, field by field, and rules of every contract.
#include <gtest/gtest.h>

#include "profile_walk.h"

namespace gateway {
namespace {

const ProfileWalk &walk() {
    static const ProfileWalk unified(
        "unified", {{"prompt", "a kite"}},
        {text("prompt", 1, {}).required(),
         of_kind(Expected::Kind::model, "model").nullable(),
         integer("n", 1, 10).default_value("1").nullable(),
         words("quality", "auto low medium high xhigh max standard hd").nullable(),
         words("response_format", "url b64_json").nullable(),
         form("size", "auto 1024x1024 1x1 1536x1024 16384x16384 1K 2k 1.5K",
              "large 0x1 1024x 16385x1 1:1 1024 512sq Auto 1024X1024")
             .nullable(),
         form("aspect_ratio", "1:1 16:9 9:21 1024:768 5:4", "16/9 16x9 0:1 auto square 1.5:1")
             .nullable(),
         form("resolution", "512 1K 2K 4k 768sq 1.5K", "auto 1024x1024 HD 63 16385 17K -1 sq")
             .nullable(),
         words("style", "vivid natural").nullable(),
         words("output_format", "png webp jpeg").nullable(),
         integer("output_compression", 0, 100).nullable(),
         words("background", "transparent opaque auto").nullable(),
         words("moderation", "low auto").nullable(),
         of_kind(Expected::Kind::boolean, "stream").default_value("false").nullable(),
         integer("partial_images", 0, 3).default_value("0").nullable(),
         text("user", 0, 1024).nullable(),
         integer("seed").nullable(),
         integer("num_inference_steps", 1).nullable(),  // the bound is ours
         text("negative_prompt", 0, {}).nullable(),
         of_kind(Expected::Kind::number, "guidance").nullable(),
         words("input_fidelity", "high low").nullable(),
         of_kind(Expected::Kind::number, "strength").nullable(),
         words("mask_mode", "model exact").nullable(),
         integer("mask_feather", 0, 64).nullable(),
         of_kind(Expected::Kind::fallbacks, "fallbacks").nullable()},
        "");
    return unified;
}

TEST(ProfileUnified, HasTheFieldsOfItsContractAndNoOthers) {
    walk().expect_no_other_fields();
}

TEST(ProfileUnified, TakesWhatItsContractAllows) {
    walk().expect_what_is_allowed_is_taken();
}

TEST(ProfileUnified, RefusesWhatIsBeyondItsContract) {
    walk().expect_what_is_beyond_is_refused();
}

TEST(ProfileUnified, RefusesValuesOfAnotherType) {
    walk().expect_wrong_types_are_refused();
}

TEST(ProfileUnified, TakesNullForAbsentOnlyWhereItMayBeNull) {
    walk().expect_null_to_be_as_absent_where_it_may_be();
}

TEST(ProfileUnified, HasItsStandardsForWhatIsAbsent) {
    walk().expect_standards_for_what_is_absent();
}

TEST(ProfileUnified, MissesWhatIsRequired) {
    walk().expect_what_is_required_to_be_missed();
}

TEST(ProfileUnified, TreatsOtherFieldsAsTheLocationSays) {
    walk().expect_other_fields_to_be_unknown();
}

TEST(ProfileUnified, RefusesImagesAsInput) {
    walk().expect_images_to_be_refused();
}

TEST(ProfileUnified, TellsAllProblemsAtOnce) {
    walk().expect_all_problems_at_once();
}

TEST(Profiles, AreTheFiveThatArePublishedAndOurs) {
    std::string names;
    for (const Profile &profile : profiles()) {
        names += std::string(profile.name) + " ";
        EXPECT_EQ(profile_named(profile.name), &profile);
    }
    EXPECT_EQ(names, "unified mka1 mka1-2025 kkiai truefoundry mpilot ");
    EXPECT_EQ(unified_profile().name, "unified");
    for (const char *name : {"", "Unified", "mka1 ", "mka1-2024", "openai"}) {
        EXPECT_EQ(profile_named(name), nullptr) << name;
    }
}

TEST(Profiles, AreSearchedForAFieldByItsWholeName) {
    for (const Profile &profile : profiles()) {
        for (const Field &field : profile.fields) {
            EXPECT_EQ(profile.field(field.name), &field);
        }
        for (const char *name : {"", "promp", "prompts", "Prompt", "cfg_scale"}) {
            EXPECT_EQ(profile.field(name), nullptr) << name;
        }
    }
}

TEST(Profiles, GiveAFieldTheParameterOfItsName) {
    for (const Profile &profile : profiles()) {
        for (const Field &field : profile.fields) {
            EXPECT_EQ(field.param, param_named(field.name)) << profile.name << " " << field.name;
        }
    }
}

TEST(Profiles, PublishEveryFieldThatOneOfThemHas) {
    for (const Profile &profile : profiles()) {
        for (const Field &field : profile.fields) {
            EXPECT_TRUE(is_published_field(field.name)) << profile.name << " " << field.name;
        }
    }
    for (const std::string &name : kPublishedFields) {
        EXPECT_TRUE(is_published_field(name)) << name;
    }
    for (const char *name : {"image", "images", "mask"}) {
        EXPECT_TRUE(is_published_field(name)) << name;
    }
    for (const char *name : {"", "promp", "Prompt", "prompt ", "cfg_scale", "imag", "lora"}) {
        EXPECT_FALSE(is_published_field(name)) << name;
    }
}

}  // namespace
}  // namespace gateway

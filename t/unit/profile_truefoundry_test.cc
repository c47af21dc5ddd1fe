// TrueFoundry's contract, field by field.
#include <gtest/gtest.h>

#include "profile_walk.h"

namespace gateway {
namespace {

constexpr int64_t kLongestWord = 64;  // ours: its words are free

const ProfileWalk &walk() {
    static const ProfileWalk truefoundry(
        "truefoundry", {{"prompt", "a kite"}},
        {text("prompt", 1, {}).required(), of_kind(Expected::Kind::model, "model"),
         integer("n", 1, 10).default_value("1").nullable(),
         text("quality", 0, kLongestWord).nullable(),
         words("response_format", "url b64_json").default_value("url").nullable(),
         text("size", 0, kLongestWord).nullable(), text("style", 0, kLongestWord).nullable(),
         text("output_format", 0, kLongestWord).nullable(),
         integer("output_compression", 0, 100).nullable(),
         text("background", 0, kLongestWord).nullable(),
         text("moderation", 0, kLongestWord).nullable(),
         of_kind(Expected::Kind::boolean, "stream").default_value("false").nullable(),
         integer("partial_images").default_value("0").nullable(), text("user", 0, 1024)},
        "aspect_ratio resolution seed num_inference_steps negative_prompt guidance "
        "input_fidelity strength mask_mode mask_feather fallbacks");
    return truefoundry;
}

TEST(ProfileTruefoundry, HasTheFieldsOfItsContractAndNoOthers) {
    walk().expect_no_other_fields();
}

TEST(ProfileTruefoundry, TakesWhatItsContractAllows) {
    walk().expect_what_is_allowed_is_taken();
}

TEST(ProfileTruefoundry, RefusesWhatIsBeyondItsContract) {
    walk().expect_what_is_beyond_is_refused();
}

TEST(ProfileTruefoundry, RefusesValuesOfAnotherType) {
    walk().expect_wrong_types_are_refused();
}

TEST(ProfileTruefoundry, TakesNullForAbsentOnlyWhereItMayBeNull) {
    walk().expect_null_to_be_as_absent_where_it_may_be();
}

TEST(ProfileTruefoundry, HasItsStandardsForWhatIsAbsent) {
    walk().expect_standards_for_what_is_absent();
}

TEST(ProfileTruefoundry, MissesWhatIsRequired) {
    walk().expect_what_is_required_to_be_missed();
}

TEST(ProfileTruefoundry, TreatsOtherFieldsAsTheLocationSays) {
    walk().expect_other_fields_to_be_unknown();
}

TEST(ProfileTruefoundry, RefusesImagesAsInput) {
    walk().expect_images_to_be_refused();
}

TEST(ProfileTruefoundry, TellsAllProblemsAtOnce) {
    walk().expect_all_problems_at_once();
}

TEST(ProfileTruefoundry, LeavesItsWordsFree) {
    for (const char *name :
         {"quality", "size", "style", "output_format", "background", "moderation"}) {
        for (const std::string &word : words_of_all(name)) {
            const Decoded decoded = walk().decode(name, in_quotes(word));
            ASSERT_TRUE(decoded) << decoded.problems();
            EXPECT_EQ(decoded->params.text(*param_named(name)), word);
        }
        EXPECT_EQ(walk().problems(name, "\"Anything at all, 1:1\""), "") << name;
    }
}

TEST(ProfileTruefoundry, RefusesWordsThatContradictEachOther) {
    const Decoded decoded(R"({"prompt":"a","output_format":"jpeg","background":"transparent"})",
                          walk().profile());
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.problems(), "background invalid_value");
    EXPECT_EQ(decoded.error().message,
              "background 'transparent' contradicts output_format 'jpeg'.");
}

}  // namespace
}  // namespace gateway

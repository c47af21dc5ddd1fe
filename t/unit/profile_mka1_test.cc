// MKA1's contract, field by field.
#include <gtest/gtest.h>

#include "profile_walk.h"

namespace gateway {
namespace {

const ProfileWalk &walk() {
    static const ProfileWalk mka1(
        "mka1", {{"prompt", "a kite"}},
        {text("prompt", 1, 1000).required(),
         of_kind(Expected::Kind::model, "model").default_value("auto"),
         integer("n", 1, 10).default_value("1"),
         words("quality", "low medium high auto standard hd").default_value("auto"),
         words("response_format", "url b64_json").default_value("url"),
         words("size", "256x256 512x512 1024x1024 1024x1536 1536x1024 1792x1024 1024x1792 auto")
             .default_value("1024x1024"),
         words("style", "vivid natural").default_value("vivid"),
         words("output_format", "png webp jpeg"), text("user", 0, 1024)},
        "aspect_ratio resolution output_compression background moderation stream partial_images "
        "seed num_inference_steps negative_prompt guidance "
        "input_fidelity strength mask_mode mask_feather fallbacks");
    return mka1;
}

TEST(ProfileMka1, HasTheFieldsOfItsContractAndNoOthers) {
    walk().expect_no_other_fields();
}

TEST(ProfileMka1, TakesWhatItsContractAllows) {
    walk().expect_what_is_allowed_is_taken();
}

TEST(ProfileMka1, RefusesWhatIsBeyondItsContract) {
    walk().expect_what_is_beyond_is_refused();
}

TEST(ProfileMka1, RefusesValuesOfAnotherType) {
    walk().expect_wrong_types_are_refused();
}

TEST(ProfileMka1, TakesNullForAbsentOnlyWhereItMayBeNull) {
    walk().expect_null_to_be_as_absent_where_it_may_be();
}

TEST(ProfileMka1, HasItsStandardsForWhatIsAbsent) {
    walk().expect_standards_for_what_is_absent();
}

TEST(ProfileMka1, MissesWhatIsRequired) {
    walk().expect_what_is_required_to_be_missed();
}

TEST(ProfileMka1, TreatsOtherFieldsAsTheLocationSays) {
    walk().expect_other_fields_to_be_unknown();
}

TEST(ProfileMka1, RefusesImagesAsInput) {
    walk().expect_images_to_be_refused();
}

TEST(ProfileMka1, TellsAllProblemsAtOnce) {
    walk().expect_all_problems_at_once();
}

TEST(ProfileMka1, DoesNotKnowStreaming) {
    const Decoded decoded = walk().decode("stream", "true");
    ASSERT_TRUE(decoded) << decoded.problems();
    ASSERT_EQ(decoded->adjustments.size(), 1U);
    EXPECT_EQ(decoded->adjustments[0].param, "stream");
    EXPECT_FALSE(decoded->params.has(Param::stream));
}

TEST(ProfileMka1, DoesNotHoldItsStandardsAgainstTheCaller) {
    // 1024x1024 is only the standard, and the ratio is no field of this contract.
    const Decoded decoded = walk().decode("aspect_ratio", "\"16:9\"");
    ASSERT_TRUE(decoded) << decoded.problems();
    EXPECT_TRUE(decoded->params.is_default(Param::size));
    EXPECT_FALSE(decoded->params.has(Param::aspect_ratio));
}

}  // namespace
}  // namespace gateway

// MKA1's contract of 2025, field by field.
#include <gtest/gtest.h>

#include "profile_walk.h"

namespace gateway {
namespace {

const ProfileWalk &walk() {
    static const ProfileWalk mka1(
        "mka1-2025", {{"prompt", "a kite"}},
        {text("prompt", 1, 1000).required(),
         of_kind(Expected::Kind::model, "model").default_value("meetkai:z-image-turbo"),
         integer("n", 1, 10).default_value("1"),
         words("quality", "standard hd").default_value("standard"),
         words("response_format", "url b64_json").default_value("url"),
         words("size", "256x256 512x512 1024x1024 1792x1024 1024x1792").default_value("1024x1024"),
         words("style", "vivid natural").default_value("vivid"), text("user", 0, 1024)},
        "aspect_ratio resolution output_format output_compression background moderation stream "
        "partial_images seed num_inference_steps negative_prompt guidance "
        "input_fidelity strength mask_mode mask_feather fallbacks");
    return mka1;
}

TEST(ProfileMka1Of2025, HasTheFieldsOfItsContractAndNoOthers) {
    walk().expect_no_other_fields();
}

TEST(ProfileMka1Of2025, TakesWhatItsContractAllows) {
    walk().expect_what_is_allowed_is_taken();
}

TEST(ProfileMka1Of2025, RefusesWhatIsBeyondItsContract) {
    walk().expect_what_is_beyond_is_refused();
}

TEST(ProfileMka1Of2025, RefusesValuesOfAnotherType) {
    walk().expect_wrong_types_are_refused();
}

TEST(ProfileMka1Of2025, TakesNullForAbsentOnlyWhereItMayBeNull) {
    walk().expect_null_to_be_as_absent_where_it_may_be();
}

TEST(ProfileMka1Of2025, HasItsStandardsForWhatIsAbsent) {
    walk().expect_standards_for_what_is_absent();
}

TEST(ProfileMka1Of2025, MissesWhatIsRequired) {
    walk().expect_what_is_required_to_be_missed();
}

TEST(ProfileMka1Of2025, TreatsOtherFieldsAsTheLocationSays) {
    walk().expect_other_fields_to_be_unknown();
}

TEST(ProfileMka1Of2025, RefusesImagesAsInput) {
    walk().expect_images_to_be_refused();
}

TEST(ProfileMka1Of2025, TellsAllProblemsAtOnce) {
    walk().expect_all_problems_at_once();
}

TEST(ProfileMka1Of2025, DoesNotKnowStreaming) {
    const Decoded decoded = walk().decode("stream", "true");
    ASSERT_TRUE(decoded) << decoded.problems();
    ASSERT_EQ(decoded->adjustments.size(), 1U);
    EXPECT_EQ(decoded->adjustments[0].param, "stream");
    EXPECT_FALSE(decoded->params.has(Param::stream));
}

}  // namespace
}  // namespace gateway

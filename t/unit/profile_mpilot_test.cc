// mPilot's contract (Bifrost's shape), field by field.
#include <gtest/gtest.h>

#include "profile_walk.h"

namespace gateway {
namespace {

const ProfileWalk &walk() {
    static const ProfileWalk mpilot(
        "mpilot", {{"prompt", "a kite"}, {"model", "openai/gpt-image-2"}},
        {text("prompt", 1, {}).required(), of_kind(Expected::Kind::model, "model").required(),
         integer("n", 1, 10), words("quality", "auto high medium low hd standard"),
         words("response_format", "url b64_json").default_value("url"),
         words("size", "256x256 512x512 1024x1024 1792x1024 1024x1792 1536x1024 1024x1536 auto"),
         words("style", "natural vivid"), words("output_format", "png webp jpeg"),
         integer("output_compression", 0, 100), words("background", "transparent opaque auto"),
         words("moderation", "low auto"),
         of_kind(Expected::Kind::boolean, "stream").default_value("false"),
         integer("partial_images", 0, 3), text("user", 0, 1024), integer("seed"),
         integer("num_inference_steps", 1),  // the bound is ours
         text("negative_prompt", 0, {}), of_kind(Expected::Kind::fallbacks, "fallbacks")},
        "aspect_ratio resolution guidance input_fidelity strength mask_mode mask_feather");
    return mpilot;
}

TEST(ProfileMpilot, HasTheFieldsOfItsContractAndNoOthers) {
    walk().expect_no_other_fields();
}

TEST(ProfileMpilot, TakesWhatItsContractAllows) {
    walk().expect_what_is_allowed_is_taken();
}

TEST(ProfileMpilot, RefusesWhatIsBeyondItsContract) {
    walk().expect_what_is_beyond_is_refused();
}

TEST(ProfileMpilot, RefusesValuesOfAnotherType) {
    walk().expect_wrong_types_are_refused();
}

TEST(ProfileMpilot, TakesNullForAbsentOnlyWhereItMayBeNull) {
    walk().expect_null_to_be_as_absent_where_it_may_be();
}

TEST(ProfileMpilot, HasItsStandardsForWhatIsAbsent) {
    walk().expect_standards_for_what_is_absent();
}

TEST(ProfileMpilot, MissesWhatIsRequired) {
    walk().expect_what_is_required_to_be_missed();
}

TEST(ProfileMpilot, TreatsOtherFieldsAsTheLocationSays) {
    walk().expect_other_fields_to_be_unknown();
}

TEST(ProfileMpilot, RefusesImagesAsInput) {
    walk().expect_images_to_be_refused();
}

TEST(ProfileMpilot, TellsAllProblemsAtOnce) {
    walk().expect_all_problems_at_once();
}

TEST(ProfileMpilot, NeedsNoModelInTheBodyWhereThePathHasOne) {
    const Decoded without(R"({"prompt":"a"})", walk().profile(), {}, true);
    ASSERT_TRUE(without) << without.problems();
    EXPECT_EQ(without->model, "");
    EXPECT_EQ(Decoded(R"({"model":"a/b"})", walk().profile(), {}, true).problems(),
              "prompt missing_required_parameter");
    EXPECT_EQ(Decoded(R"({"prompt":"a","model":7})", walk().profile(), {}, true).problems(),
              "model invalid_type");
    const Decoded both(R"({"prompt":"a","model":"a/b"})", walk().profile(), {}, true);
    ASSERT_TRUE(both) << both.problems();
    EXPECT_EQ(both->model, "a/b");
}

TEST(ProfileMpilot, RefusesATransparentJpeg) {
    const Decoded decoded(
        R"({"prompt":"a","model":"a/b","output_format":"jpeg","background":"transparent"})",
        walk().profile());
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.problems(), "background invalid_value");
    EXPECT_EQ(decoded.error().message,
              "background 'transparent' contradicts output_format 'jpeg'.");
}

}  // namespace
}  // namespace gateway

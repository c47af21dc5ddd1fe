// KKIAI's contract, field by field.
#include <gtest/gtest.h>

#include "profile_walk.h"

namespace gateway {
namespace {

const ProfileWalk &walk() {
    static const ProfileWalk kkiai(
        "kkiai", {{"prompt", "a kite"}, {"aspect_ratio", "1:1"}},
        {text("prompt", 1, 1000).required(), of_kind(Expected::Kind::model, "model"),
         integer("n", 1, 10), words("quality", "hd"),
         // Its answers have nothing but a url, whence the standard.
         words("response_format", "url b64_json").default_value("url"),
         words("size", "256x256 512x512 1024x1024"),
         words("aspect_ratio", "21:9 16:9 4:3 3:2 1:1 2:3 3:4 9:16 9:21").required(),
         words("style", "vivid natural"), text("user", 0, 1024)},
        "resolution output_format output_compression background moderation stream partial_images "
        "seed num_inference_steps negative_prompt guidance "
        "input_fidelity strength mask_mode mask_feather fallbacks");
    return kkiai;
}

TEST(ProfileKkiai, HasTheFieldsOfItsContractAndNoOthers) {
    walk().expect_no_other_fields();
}

TEST(ProfileKkiai, TakesWhatItsContractAllows) {
    walk().expect_what_is_allowed_is_taken();
}

TEST(ProfileKkiai, RefusesWhatIsBeyondItsContract) {
    walk().expect_what_is_beyond_is_refused();
}

TEST(ProfileKkiai, RefusesValuesOfAnotherType) {
    walk().expect_wrong_types_are_refused();
}

TEST(ProfileKkiai, TakesNullForAbsentOnlyWhereItMayBeNull) {
    walk().expect_null_to_be_as_absent_where_it_may_be();
}

TEST(ProfileKkiai, HasItsStandardsForWhatIsAbsent) {
    walk().expect_standards_for_what_is_absent();
}

TEST(ProfileKkiai, MissesWhatIsRequired) {
    walk().expect_what_is_required_to_be_missed();
}

TEST(ProfileKkiai, TreatsOtherFieldsAsTheLocationSays) {
    walk().expect_other_fields_to_be_unknown();
}

TEST(ProfileKkiai, RefusesImagesAsInput) {
    walk().expect_images_to_be_refused();
}

TEST(ProfileKkiai, TellsAllProblemsAtOnce) {
    walk().expect_all_problems_at_once();
}

TEST(ProfileKkiai, DoesNotKnowStreaming) {
    const Decoded decoded = walk().decode("stream", "true");
    ASSERT_TRUE(decoded) << decoded.problems();
    ASSERT_EQ(decoded->adjustments.size(), 1U);
    EXPECT_EQ(decoded->adjustments[0].param, "stream");
    EXPECT_FALSE(decoded->params.has(Param::stream));
}

TEST(ProfileKkiai, TakesASquareSizeAsAScaleBesideAnyRatio) {
    for (const char *size : {"256x256", "512x512", "1024x1024"}) {
        for (const char *ratio : {"21:9", "1:1", "9:21"}) {
            const Decoded decoded(R"({"prompt":"a","size":")" + std::string(size) +
                                      R"(","aspect_ratio":")" + ratio + "\"}",
                                  walk().profile());
            ASSERT_TRUE(decoded) << decoded.problems();
            EXPECT_EQ(decoded->params.text(Param::size), size);
            EXPECT_EQ(decoded->params.text(Param::aspect_ratio), ratio);
        }
    }
    for (const Profile &profile : profiles()) {
        EXPECT_EQ(profile.size_is_scale, profile.name == "kkiai") << profile.name;
    }
}

}  // namespace
}  // namespace gateway

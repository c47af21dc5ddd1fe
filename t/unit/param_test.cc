// The parameters: names, order, values, and their text form.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "core/request/image_request.h"
#include "core/words.h"

namespace gateway {
namespace {

TEST(Param, HasTheNameThatCallersWrite) {
    const std::pair<Param, const char *> kNames[] = {
        {Param::prompt, "prompt"},
        {Param::n, "n"},
        {Param::size, "size"},
        {Param::aspect_ratio, "aspect_ratio"},
        {Param::resolution, "resolution"},
        {Param::quality, "quality"},
        {Param::style, "style"},
        {Param::background, "background"},
        {Param::output_format, "output_format"},
        {Param::output_compression, "output_compression"},
        {Param::response_format, "response_format"},
        {Param::moderation, "moderation"},
        {Param::negative_prompt, "negative_prompt"},
        {Param::seed, "seed"},
        {Param::num_inference_steps, "num_inference_steps"},
        {Param::guidance, "guidance"},
        {Param::stream, "stream"},
        {Param::partial_images, "partial_images"},
        {Param::user, "user"},
        {Param::input_fidelity, "input_fidelity"},
        {Param::strength, "strength"},
    };
    EXPECT_EQ(std::size(kNames), kParamCount);
    std::set<Param> named;
    for (const auto &[param, name] : kNames) {
        EXPECT_TRUE(named.insert(param).second) << name;
        EXPECT_EQ(name_of(param), name);
        EXPECT_EQ(param_named(name), param) << name;
    }
}

TEST(Param, IsListedOnceInOrder) {
    ASSERT_EQ(all_params().size(), kParamCount);
    for (size_t i = 0; i < kParamCount; ++i) {
        EXPECT_EQ(all_params()[i], static_cast<Param>(i));
    }
}

TEST(Param, IsKnownOnlyByItsWholeName) {
    for (const char *name : {"", "promp", "prompts", "Prompt", " n", "model", "fallbacks", "x"}) {
        EXPECT_FALSE(param_named(name)) << name;
    }
}

TEST(Param, IsShownAsJson) {
    EXPECT_EQ(to_json(ParamValue()), "null");
    EXPECT_EQ(to_json(ParamValue(true)), "true");
    EXPECT_EQ(to_json(ParamValue(false)), "false");
    EXPECT_EQ(to_json(ParamValue(int64_t{-7})), "-7");
    EXPECT_EQ(to_json(ParamValue(INT64_MIN)), "-9223372036854775808");
    EXPECT_EQ(to_json(ParamValue(7.5)), "7.5");
    EXPECT_EQ(to_json(ParamValue(std::string_view())), "\"\"");
    EXPECT_EQ(to_json(ParamValue(std::string_view("a \"b\"\n"))), R"("a \"b\"\n")");
}

TEST(Param, IsShownShortened) {
    const std::string exact(256, 'x');
    EXPECT_EQ(to_json(ParamValue(std::string_view(exact))), "\"" + exact + "\"");
    const std::string longer(257, 'x');
    EXPECT_EQ(to_json(ParamValue(std::string_view(longer))), "\"" + exact + "…\"");
    // No character is cut in half.
    const std::string wide = std::string(255, 'x') + "\xF0\x9F\xAA\x81";
    EXPECT_EQ(to_json(ParamValue(std::string_view(wide))), "\"" + std::string(255, 'x') + "…\"");
}

TEST(Params, AreAbsentUntilTheyAreSet) {
    Params params;
    for (const Param param : all_params()) {
        EXPECT_FALSE(params.has(param) || params.is_default(param) || params.is_requested(param));
        EXPECT_EQ(params.text(param), "");
        EXPECT_EQ(params.integer(param, 42), 42);
    }
    params[Param::n] = int64_t{3};
    EXPECT_TRUE(params.has(Param::n));
    EXPECT_TRUE(params.is_requested(Param::n));
    EXPECT_EQ(params.integer(Param::n, 42), 3);
    EXPECT_EQ(params.text(Param::n), "");
    EXPECT_FALSE(params.has(Param::seed));
    params.clear(Param::n);
    EXPECT_FALSE(params.has(Param::n) || params.is_requested(Param::n));
}

TEST(Params, KeepTheStandardsApartFromWhatTheCallerAsked) {
    Params params;
    params.set_default(Param::quality, std::string_view("auto"));
    params[Param::style] = std::string_view("vivid");
    EXPECT_EQ(params.text(Param::quality), "auto");
    EXPECT_TRUE(params.has(Param::quality));
    EXPECT_TRUE(params.is_default(Param::quality));
    EXPECT_FALSE(params.is_requested(Param::quality));
    EXPECT_FALSE(params.is_default(Param::style));
    EXPECT_TRUE(params.is_requested(Param::style));
}

TEST(Words, AreFoundOnlyWhole) {
    constexpr std::string_view kChoices = "auto low medium";
    for (const char *word : {"auto", "low", "medium"}) {
        EXPECT_TRUE(is_one_of(word, kChoices)) << word;
    }
    for (const char *word : {"", " ", "aut", "autos", "auto low", "Low", "medium "}) {
        EXPECT_FALSE(is_one_of(word, kChoices)) << word;
    }
    EXPECT_FALSE(is_one_of("auto", ""));
    EXPECT_FALSE(is_one_of("", ""));
}

}  // namespace
}  // namespace gateway

// Fitting: what of a request a model is sent, and what is said about the rest.
#include "core/catalog/fit.h"

#include <gtest/gtest.h>

#include <string>

#include "core/request/fields.h"

namespace gateway {
namespace {

const Catalogue &catalogue() {
    static const Catalogue built_in = *Catalogue::read(Catalogue::built_in());
    return built_in;
}

const ModelSpec &spec_of(const char *model, const char *api = "openai") {
    return *catalogue().find(api, model);
}

Params asking(Param param, ParamValue value) {
    Params params;
    params[Param::prompt] = std::string_view("a kite");
    params[param] = value;
    return params;
}

// "as asked", "sent X: reason" or "left out: reason" in adapt mode; checks that strict agrees.
std::string verdict(const char *model, Param param, ParamValue value) {
    const Params asked = asking(param, value);
    const auto fitted = fit(asked, spec_of(model), FitMode::adapt);
    const auto strict = fit(asked, spec_of(model), FitMode::strict);
    if (!fitted) {
        EXPECT_FALSE(strict);
        return "refused: " + fitted.error().message;
    }
    EXPECT_EQ(strict.has_value(), fitted->adjustments.empty());
    if (!strict) {
        EXPECT_EQ(strict.error().status, 400);
        EXPECT_EQ(strict.error().param, name_of(param));
    }
    if (fitted->adjustments.empty()) {
        EXPECT_EQ(fitted->params[param], value);
        return "as asked";
    }
    EXPECT_EQ(fitted->adjustments.size(), 1U);
    const Adjustment &listed = fitted->adjustments.front();
    EXPECT_EQ(listed.param, name_of(param));
    EXPECT_EQ(listed.requested, to_json(value));
    EXPECT_EQ(listed.sent, to_json(fitted->params[param]));
    return (fitted->params.has(param) ? "sent " + listed.sent : "left out") + ": " + listed.reason;
}

TEST(Fit, KnowsTheSizesOfGptImage2) {
    const struct {
        const char *size;
        bool legal;
    } kRows[] = {
        {"auto", true},       {"1024x1024", true},  {"1536x1024", true}, {"1024x1536", true},
        {"1920x1080", false}, {"1920x1088", true},  {"816x816", true},   {"800x800", false},
        {"512x512", false},   {"800x816", false},   {"1280x512", true},  {"1264x512", false},
        {"1536x512", true},   {"1552x512", false},  {"512x1536", true},  {"512x1552", false},
        {"3840x1280", true},  {"3840x1264", false}, {"3840x2160", true}, {"2160x3840", true},
        {"3840x2176", false}, {"3856x2000", false}, {"2880x2880", true}, {"2896x2880", false},
        {"1025x1024", false}, {"1040x1024", true},  {"1792x768", true},  {"864x1536", true},
        {"1152x864", true},   {"960x1280", true},   {"2560x1440", true}, {"2048x2048", true},
    };
    for (const char *model : {"gpt-image-2", "gpt-image-2-2026-04-21", "gpt-image-2.5-flare",
                              "gpt-image-2.5-sunburst-2026-09-08"}) {
        for (const auto &row : kRows) {
            EXPECT_EQ(verdict(model, Param::size, std::string_view(row.size)) == "as asked",
                      row.legal)
                << model << " " << row.size;
        }
    }
    EXPECT_EQ(verdict("gpt-image-2", Param::size, std::string_view("1920x1080")),
              "left out: not a size of this model; it chooses its own");
}

TEST(Fit, KnowsTheSizesOfTheOlderGptImages) {
    for (const char *size : {"auto", "1024x1024", "1536x1024", "1024x1536"}) {
        EXPECT_EQ(verdict("gpt-image-1.5", Param::size, std::string_view(size)), "as asked");
    }
    for (const char *size : {"512x512", "1792x1024", "2048x2048", "1024x1040"}) {
        EXPECT_NE(verdict("gpt-image-1.5", Param::size, std::string_view(size)), "as asked");
    }
}

TEST(Fit, TranslatesTheOldWordsForQuality) {
    const struct {
        const char *model;
        const char *quality;
        const char *verdict;
    } kRows[] = {
        {"gpt-image-2", "high", "as asked"},
        {"gpt-image-2", "standard", "sent \"medium\": this model's word for it"},
        {"gpt-image-2", "hd", "sent \"high\": this model's word for it"},
        {"gpt-image-2.5-flare", "max", "as asked"},
        {"gpt-image-2.5-flare", "xhigh", "as asked"},
        {"gpt-image-2.5-flare", "hd", "sent \"high\": this model's word for it"},
        {"gpt-image-2", "max", "left out: this model takes only auto, low, medium, high"},
        {"my-own-model", "hd", "as asked"},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(verdict(row.model, Param::quality, std::string_view(row.quality)), row.verdict)
            << row.model << " " << row.quality;
    }
}

TEST(Fit, LeavesOutWhatTheModelDoesNotHave) {
    const std::string none = "left out: this model has no such parameter";
    EXPECT_EQ(verdict("gpt-image-2", Param::style, std::string_view("vivid")), none);
    EXPECT_EQ(verdict("gpt-image-2", Param::seed, int64_t{7}), none);
    EXPECT_EQ(verdict("gpt-image-2", Param::guidance, 7.5), none);
    EXPECT_EQ(verdict("gpt-image-2", Param::negative_prompt, std::string_view("rain")), none);
    EXPECT_EQ(verdict("gpt-image-2", Param::aspect_ratio, std::string_view("16:9")), none);
    EXPECT_EQ(verdict("gpt-image-2", Param::partial_images, int64_t{2}), none);
    EXPECT_EQ(verdict("gpt-image-2", Param::background, std::string_view("transparent")),
              "left out: this model takes only auto, opaque");
    EXPECT_EQ(verdict("gpt-image-1.5", Param::background, std::string_view("transparent")),
              "as asked");
    const auto strict = fit(asking(Param::style, std::string_view("vivid")), spec_of("gpt-image-2"),
                            FitMode::strict);
    EXPECT_EQ(strict.error().code, "unsupported_parameter");
    const auto size =
        fit(asking(Param::size, std::string_view("1x1")), spec_of("gpt-image-2"), FitMode::strict);
    EXPECT_EQ(size.error().code, "invalid_value");
}

TEST(Fit, RefusesAPromptTooLongForTheModelWhateverTheMode) {
    const auto read = Catalogue::read(
        R"({"parameter_sets":{"s":{"prompt":{"max_length":3}}},
            "apis":{"x":[{"model":"*","parameters":"s"}]}})");
    ASSERT_TRUE(read) << read.error();
    for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
        EXPECT_TRUE(
            fit(asking(Param::prompt, std::string_view("äöü")), *read->find("x", "m"), mode));
        const auto refused =
            fit(asking(Param::prompt, std::string_view("äöü.")), *read->find("x", "m"), mode);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().status, 400);
        EXPECT_EQ(refused.error().param, "prompt");
    }
}

TEST(Fit, TakesTheNearestNumber) {
    const auto read = Catalogue::read(
        R"({"parameter_sets":{"s":{"prompt":{},"n":{"max":1},"num_inference_steps":{"min":4,"max":8}}},
            "apis":{"x":[{"model":"*","parameters":"s"}]}})");
    ASSERT_TRUE(read) << read.error();
    const ModelSpec &model = *read->find("x", "m");
    const struct {
        Param param;
        int64_t asked;
        int64_t sent;
    } kRows[] = {
        {Param::n, 1, 1},
        {Param::n, 10, 1},
        {Param::num_inference_steps, 3, 4},
        {Param::num_inference_steps, 4, 4},
        {Param::num_inference_steps, 8, 8},
        {Param::num_inference_steps, 9, 8},
    };
    for (const auto &row : kRows) {
        const auto fitted = fit(asking(row.param, row.asked), model, FitMode::adapt);
        ASSERT_TRUE(fitted);
        EXPECT_EQ(fitted->params.integer(row.param, -1), row.sent);
        EXPECT_EQ(fitted->adjustments.size(), row.asked == row.sent ? 0U : 1U);
        EXPECT_EQ(fit(asking(row.param, row.asked), model, FitMode::strict).has_value(),
                  row.asked == row.sent);
    }
}

// What the gateway itself sees to is no adjustment, and no business of a model that has no such
// parameter: GPT image models answer 400 to a response_format.
TEST(Fit, KeepsTheGatewaysOwnParametersFromModelsThatDoNotHaveThem) {
    for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
        Params asked = asking(Param::response_format, std::string_view("b64_json"));
        asked[Param::stream] = false;
        asked[Param::partial_images] = int64_t{0};
        const auto fitted = fit(asked, spec_of("gpt-image-2"), mode);
        ASSERT_TRUE(fitted) << fitted.error().message;
        EXPECT_TRUE(fitted->adjustments.empty());
        EXPECT_FALSE(fitted->params.has(Param::response_format));
        EXPECT_FALSE(fitted->params.has(Param::stream));
        EXPECT_FALSE(fitted->params.has(Param::partial_images));
        const auto other = fit(asked, spec_of("some-other-model"), mode);
        ASSERT_TRUE(other);
        EXPECT_EQ(other->params.text(Param::response_format), "b64_json");
        EXPECT_FALSE(other->params.has(Param::stream));
    }
}

}  // namespace
}  // namespace gateway

// Fitting: what is sent to a model, and what is reported about the rest.
#include "core/catalog/fit.h"

#include <gtest/gtest.h>

#include <string>

#include "catalogues.h"

namespace gateway {
namespace {

using Text = std::string_view;

const ModelSpec &openai(const char *model) {
    return model_of("openai", model);
}

Params asking(Param param, ParamValue value) {
    Params params;
    params[Param::prompt] = Text("a kite");
    params[param] = value;
    return params;
}

// "as asked", "sent X: reason" or "left out: reason" in adapt mode; checks that strict agrees.
std::string verdict(const ModelSpec &model, Param param, ParamValue value) {
    const Params asked = asking(param, value);
    const auto fitted = fit(asked, model, FitMode::adapt);
    const auto strict = fit(asked, model, FitMode::strict);
    if (!fitted) {
        EXPECT_FALSE(strict);
        return "refused: " + fitted.error().message;
    }
    // Who leaves the choice to a model that has none is not refused.
    const bool left_open = value == ParamValue(Text("auto"));
    EXPECT_EQ(strict.has_value(), fitted->adjustments.empty() || left_open);
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

TEST(Fit, TranslatesTheWordsForQualityBothWays) {
    const std::string kWord = ": this model's word for it";
    const struct {
        const char *model;
        const char *quality;
        std::string verdict;
    } kRows[] = {
        {"gpt-image-2", "high", "as asked"},
        {"gpt-image-2", "standard", "sent \"medium\"" + kWord},
        {"gpt-image-2", "hd", "sent \"high\"" + kWord},
        {"gpt-image-2", "xhigh", "sent \"high\"" + kWord},
        {"gpt-image-2", "max", "sent \"high\"" + kWord},
        {"gpt-image-2.5-flare", "max", "as asked"},
        {"gpt-image-2.5-flare", "xhigh", "as asked"},
        {"gpt-image-2.5-flare", "hd", "sent \"high\"" + kWord},
        {"dall-e-3", "hd", "as asked"},
        {"dall-e-3", "low", "sent \"standard\"" + kWord},
        {"dall-e-3", "medium", "sent \"standard\"" + kWord},
        {"dall-e-3", "high", "sent \"hd\"" + kWord},
        {"dall-e-3", "xhigh", "sent \"hd\"" + kWord},
        {"dall-e-3", "max", "sent \"hd\"" + kWord},
        {"dall-e-3", "auto", "left out: this model accepts only standard, hd"},
        {"dall-e-2", "low", "sent \"standard\"" + kWord},
        {"dall-e-2", "high", "left out: this model accepts only standard"},
        {"gpt-image-2", "best", "left out: this model accepts only auto, low, medium, high"},
        {"my-own-model", "hd", "as asked"},
        {"my-own-model", "best", "as asked"},
    };
    for (const auto &row : kRows) {
        EXPECT_EQ(verdict(openai(row.model), Param::quality, Text(row.quality)), row.verdict)
            << row.model << " " << row.quality;
    }
}

TEST(Fit, AModelsOwnAliasesComeBeforeTheUsualOnes) {
    const ModelSpec model = model_taking(
        R"("quality":{"choices":["fast","high"],"aliases":{"low":"fast","hd":"fast"}})");
    EXPECT_EQ(verdict(model, Param::quality, Text("low")),
              "sent \"fast\": this model's word for it");
    EXPECT_EQ(verdict(model, Param::quality, Text("hd")),
              "sent \"fast\": this model's word for it");
    EXPECT_EQ(verdict(model, Param::quality, Text("max")),
              "sent \"high\": this model's word for it");
}

TEST(Fit, LeavesOutWhatTheModelDoesNotHave) {
    const std::string none = "left out: this model has no such parameter";
    const ModelSpec &model = openai("gpt-image-2");
    EXPECT_EQ(verdict(model, Param::style, Text("vivid")), none);
    EXPECT_EQ(verdict(model, Param::seed, int64_t{7}), none);
    EXPECT_EQ(verdict(model, Param::guidance, 7.5), none);
    EXPECT_EQ(verdict(model, Param::negative_prompt, Text("rain")), none);
    EXPECT_EQ(verdict(model, Param::background, Text("transparent")),
              "left out: this model accepts only auto, opaque");
    EXPECT_EQ(verdict(openai("gpt-image-1.5"), Param::background, Text("transparent")), "as asked");
    const auto style = fit(asking(Param::style, Text("vivid")), model, FitMode::strict);
    EXPECT_EQ(style.error().code, "unsupported_parameter");
    const auto size = fit(asking(Param::size, Text("1x1")), model, FitMode::strict);
    EXPECT_EQ(size.error().code, "invalid_value");
}

TEST(Fit, RefusesAPromptTooLongForTheModelWhateverTheMode) {
    const ModelSpec model = model_taking(R"("prompt":{"max_length":3})");
    for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
        EXPECT_TRUE(fit(asking(Param::prompt, Text("äöü")), model, mode));
        const auto refused = fit(asking(Param::prompt, Text("äöü.")), model, mode);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().status, 400);
        EXPECT_EQ(refused.error().code, "string_above_max_length");
        EXPECT_EQ(refused.error().param, "prompt");
    }
}

TEST(Fit, RefusesAModelThatMakesNothingFromTextAlone) {
    const auto refused = fit(asking(Param::seed, int64_t{1}),
                             model_of("black-forest-labs", "flux-pro-1.0-fill"), FitMode::adapt);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().status, 400);
    EXPECT_EQ(refused.error().code, "unsupported_operation");
    EXPECT_EQ(refused.error().param, "model");
}

TEST(Fit, TakesTheNearestNumber) {
    const ModelSpec model = model_taking(
        R"("num_inference_steps":{"min":4,"max":8},"guidance":{"min":1.5,"max":5},"seed":{})");
    const std::string nearest = ": the nearest value that this model accepts";
    EXPECT_EQ(verdict(model, Param::num_inference_steps, int64_t{3}), "sent 4" + nearest);
    EXPECT_EQ(verdict(model, Param::num_inference_steps, int64_t{4}), "as asked");
    EXPECT_EQ(verdict(model, Param::num_inference_steps, int64_t{8}), "as asked");
    EXPECT_EQ(verdict(model, Param::num_inference_steps, INT64_MAX), "sent 8" + nearest);
    EXPECT_EQ(verdict(model, Param::guidance, 1.25), "sent 1.5" + nearest);
    EXPECT_EQ(verdict(model, Param::guidance, 4.5), "as asked");
    EXPECT_EQ(verdict(model, Param::guidance, 1e300), "sent 5" + nearest);
    // Beyond what a double holds exactly.
    EXPECT_EQ(verdict(model, Param::seed, int64_t{9'007'199'254'740'993}), "as asked");
    EXPECT_EQ(verdict(model, Param::seed, INT64_MIN), "as asked");
    EXPECT_EQ(verdict(model_of("google-gemini", "gemini-3-pro-image"), Param::seed,
                      int64_t{2'147'483'648}),
              "sent 2147483647" + nearest);
}

TEST(Fit, TakesTheNearestNumberWhereOnlyOneBoundIsKnown) {
    const ModelSpec model = model_taking(R"("seed":{"min":0},"guidance":{"max":5})");
    const std::string nearest = ": the nearest value that this model accepts";
    EXPECT_EQ(verdict(model, Param::seed, int64_t{-1}), "sent 0" + nearest);
    EXPECT_EQ(verdict(model, Param::seed, INT64_MAX), "as asked");
    EXPECT_EQ(verdict(model, Param::guidance, 5.5), "sent 5" + nearest);
    EXPECT_EQ(verdict(model, Param::guidance, -1e300), "as asked");
}

TEST(Fit, SpreadsImagesOverCallsThatAModelTakes) {
    const struct {
        const char *parameters;
        int64_t n;
        std::vector<int64_t> calls;
    } kRows[] = {
        {R"("n":{"max":10})", 10, {10}},
        {R"("n":{"max":4})", 10, {4, 4, 2}},
        {R"("n":{"max":4})", 4, {4}},
        {R"("n":{"max":1})", 3, {1, 1, 1}},
        {R"("n":{})", 7, {7}},
        {R"("seed":{})", 2, {1, 1}},
        {R"("n":{"min":1,"max":3})", 0, {1}},
    };
    for (const auto &row : kRows) {
        Params asked = asking(Param::seed, {});
        if (row.n != 0) {  // 0 stands for: not asked
            asked[Param::n] = row.n;
        }
        for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
            const auto fitted = fit(asked, model_taking(row.parameters), mode);
            ASSERT_TRUE(fitted);
            EXPECT_EQ(fitted->calls, row.calls) << row.parameters << " " << row.n;
            EXPECT_TRUE(fitted->adjustments.empty());
        }
    }
    const auto flux = fit(asking(Param::n, int64_t{2}), model_of("black-forest-labs", "flux-2-pro"),
                          FitMode::strict);
    ASSERT_TRUE(flux);
    EXPECT_FALSE(flux->params.has(Param::n)) << "it would be an unknown field there";
}

TEST(Fit, SetsACompressionOnlyWhereSomethingIsCompressed) {
    for (const char *format : {"", "png", "jpeg", "webp"}) {
        Params asked = asking(Param::output_compression, int64_t{80});
        if (*format != '\0') {
            asked[Param::output_format] = Text(format);
        }
        const auto fitted = fit(asked, openai("gpt-image-2"), FitMode::adapt);
        ASSERT_TRUE(fitted);
        const bool lossy = Text(format) == "jpeg" || Text(format) == "webp";
        EXPECT_EQ(fitted->params.has(Param::output_compression), lossy) << format;
        EXPECT_EQ(fitted->adjustments.size(), lossy ? 0U : 1U) << format;
    }
}

// What the gateway itself sees to is no adjustment, and no business of a model that has no such
// parameter: GPT image models answer 400 to a response_format.
TEST(Fit, KeepsTheGatewaysOwnParametersFromModelsThatDoNotHaveThem) {
    for (const FitMode mode : {FitMode::adapt, FitMode::strict}) {
        Params asked = asking(Param::response_format, Text("b64_json"));
        asked[Param::stream] = false;
        asked[Param::partial_images] = int64_t{0};
        const auto fitted = fit(asked, openai("gpt-image-2"), mode);
        ASSERT_TRUE(fitted) << fitted.error().message;
        EXPECT_TRUE(fitted->adjustments.empty());
        EXPECT_FALSE(fitted->params.has(Param::response_format));
        EXPECT_FALSE(fitted->params.has(Param::stream));
        EXPECT_FALSE(fitted->params.has(Param::partial_images));
        const auto other = fit(asked, openai("some-other-model"), mode);
        ASSERT_TRUE(other);
        EXPECT_EQ(other->params.text(Param::response_format), "b64_json");
        EXPECT_FALSE(other->params.has(Param::stream));
    }
}

TEST(Fit, PreviewsWithoutAStreamAreLeftOutAndListed) {
    EXPECT_EQ(verdict(openai("gpt-image-2"), Param::partial_images, int64_t{2}),
              "left out: only for streams");
}

TEST(Fit, LeavesOutWhatAnOperationDoesNotTake) {
    ModelSpec model = model_with(
        R"("inputs":{"excludes":["aspect_ratio","seed"]},
           "parameters":{"prompt":{},"aspect_ratio":{"ratios":["1:1","16:9"]},"seed":{},
                         "strength":{}})");
    model.operations.set(static_cast<size_t>(Operation::edit));
    Params asked = asking(Param::seed, int64_t{7});
    asked[Param::strength] = 0.5;
    asked[Param::size] = Text("1600x900");
    const auto reasons = [&](Operation operation) {
        const auto fitted = fit(asked, model, FitMode::adapt, operation);
        std::string text;
        for (const Adjustment &one : fitted->adjustments) {
            text += one.param + ": " + one.reason + "\n";
        }
        EXPECT_FALSE(fit(asked, model, FitMode::strict, operation));
        return text;
    };
    const auto generated = fit(asked, model, FitMode::adapt, Operation::generate);
    EXPECT_EQ(generated->params.text(Param::aspect_ratio), "16:9");
    EXPECT_FALSE(generated->params.has(Param::strength));
    EXPECT_NE(reasons(Operation::generate).find("strength: only for input images\n"),
              std::string::npos);
    const auto edited = fit(asked, model, FitMode::adapt, Operation::edit);
    EXPECT_FALSE(edited->params.has(Param::aspect_ratio) || edited->params.has(Param::size) ||
                 edited->params.has(Param::seed));
    EXPECT_EQ(edited->params[Param::strength], ParamValue(0.5));
    EXPECT_EQ(reasons(Operation::edit),
              "size: this model has no such parameter\n"
              "seed: this model takes it only without input images\n");
}

TEST(Fit, LeavesOutWhatIsNotTakenWithAMaskOrForVariations) {
    ModelSpec model = model_with(
        R"("inputs":{"mask":{"kind":"white","excludes":["strength"]},
                     "variation_excludes":["prompt","seed"]},
           "parameters":{"prompt":{},"seed":{},"strength":{}})");
    model.operations.set(static_cast<size_t>(Operation::edit));
    model.operations.set(static_cast<size_t>(Operation::variation));
    Params asked = asking(Param::seed, int64_t{7});
    asked[Param::strength] = 0.5;
    const auto left_out = [&](Operation operation, bool has_mask) {
        const auto fitted = fit(asked, model, FitMode::adapt, operation, has_mask);
        std::string text;
        for (const Adjustment &one : fitted->adjustments) {
            text += one.param + ": " + one.reason + "\n";
        }
        return text;
    };
    EXPECT_EQ(left_out(Operation::edit, false), "");
    EXPECT_EQ(left_out(Operation::edit, true),
              "strength: this model takes it only without a mask\n");
    EXPECT_EQ(left_out(Operation::variation, false),
              "seed: this model does not take it for variations\n"
              "prompt: this model does not take it for variations\n");
}

}  // namespace
}  // namespace gateway

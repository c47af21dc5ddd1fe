// Decoding of values in all profiles, error messages, and contradictions. (Each published API has
// its own test: profile_*_test.cc.)
#include "core/request/decode.h"

#include <gtest/gtest.h>

#include <string>

#include "decoded.h"

namespace gateway {
namespace {

std::string with(const std::string &members) {
    return R"({"prompt":"a kite",)" + members + "}";
}

std::string problems_of(const std::string &body) {
    return Decoded(body).problems();
}

TEST(Decode, ReadsEveryNotationOfAValue) {
    const struct {
        Param param;
        const char *json;
        const char *value;  // as it is shown
    } kRows[] = {
        {Param::n, "1", "1"},
        {Param::n, "1.0", "1"},
        {Param::n, "10.000", "10"},
        {Param::n, "1e1", "10"},
        {Param::n, "10e-1", "1"},
        {Param::n, " \t\n2\r ", "2"},
        {Param::output_compression, "-0", "0"},
        {Param::seed, "-9223372036854775808", "-9223372036854775808"},
        {Param::seed, "9223372036854775807", "9223372036854775807"},
        {Param::guidance, "0", "0"},
        {Param::guidance, "7.5", "7.5"},
        {Param::guidance, "-1e3", "-1000"},
        {Param::stream, "false", "false"},
        {Param::user, R"("u-17")", R"("u-17")"},
        {Param::user, R"("\u0061\n\u6f22")", R"("a\n漢")"},
        {Param::style, R"("v\u0069vid")", R"("vivid")"},
    };
    for (const auto &row : kRows) {
        const std::string name(name_of(row.param));
        const Decoded decoded(with("\"" + name + "\":" + row.json));
        ASSERT_TRUE(decoded) << name << " " << row.json << ": " << decoded.error().message;
        for (const Param param : all_params()) {
            if (param == row.param) {
                EXPECT_EQ(to_json(decoded->params[param]), row.value) << row.json;
                EXPECT_TRUE(decoded->params.is_requested(param));
            } else {
                EXPECT_EQ(decoded->params.has(param), param == Param::prompt) << name_of(param);
            }
        }
        EXPECT_TRUE(decoded->adjustments.empty());
    }
}

TEST(Decode, ReadsNoOtherTypeForAnInteger) {
    for (const char *json : {"1.5", "\"1\"", "\"\"", "true", "[1]", "{}", "9223372036854775808",
                             "1e19", "1e999", "0.1e0"}) {
        EXPECT_EQ(problems_of(with("\"n\":" + std::string(json))), "n invalid_type") << json;
    }
}

TEST(Decode, SaysWhatItExpectedAndWhatItGot) {
    const struct {
        const char *members;
        const char *message;
    } kMessages[] = {
        {R"("n":"1")", "n must be an integer, not a string."},
        {R"("n":1.5)", "n must be an integer, not a fraction or a number too large to be exact."},
        {R"("n":0)", "n must be at least 1."},
        {R"("n":11)", "n must be at most 10."},
        {R"("size":7)", "size must be a string, not a number."},
        {R"("size":"big")",
         "size must be 'auto', WIDTHxHEIGHT in pixels such as 1024x1024, or a tier such as 2K."},
        {R"("aspect_ratio":"big")", "aspect_ratio must be of the form W:H, such as 16:9."},
        {R"("resolution":"big")", "resolution must be a tier such as 512, 1K, 2K or 4K."},
        {R"("stream":[])", "stream must be a boolean, not an array."},
        {R"("style":"bold")", "style must be one of: vivid natural."},
        {R"("guidance":1e999)", "guidance must be a number, not a number that is too large."},
        {R"("guidance":{})", "guidance must be a number, not an object."},
        {R"("fallbacks":false)", "fallbacks must be an array, not a boolean."},
        {R"("model":7)", "model must be a string, not a number."},
    };
    for (const auto &row : kMessages) {
        const Decoded decoded(with(row.members));
        ASSERT_FALSE(decoded) << row.members;
        EXPECT_EQ(decoded.error().message, row.message);
    }
    EXPECT_EQ(Decoded("{}").error().message, "Missing required parameter: 'prompt'.");
    EXPECT_EQ(Decoded(with("\"user\":\"" + std::string(1025, 'x') + "\"")).error().message,
              "user has 1025 characters; the maximum is 1024.");
}

TEST(Decode, TellsAllProblemsAtOnceInTheOrderOfTheBody) {
    EXPECT_EQ(problems_of(R"({"size":"big","n":0,"style":3,"stream":true,"fallbacks":["",7]})"),
              "size invalid_value, n integer_below_min_value, style invalid_type, "
              "fallbacks[0] invalid_value, fallbacks[1] invalid_value, "
              "prompt missing_required_parameter");
}

TEST(Decode, RefusesASizeThatContradictsTheRatioOrTheResolution) {
    const struct {
        const char *members;
        const char *message;  // null: no contradiction
    } kRows[] = {
        {R"("size":"1024x1024","aspect_ratio":"16:9")",
         "size '1024x1024' contradicts aspect_ratio '16:9'."},
        {R"("size":"1024x1792","aspect_ratio":"16:9")",
         "size '1024x1792' contradicts aspect_ratio '16:9'."},
        {R"("size":"1792x1024","aspect_ratio":"16:9")", nullptr},
        {R"("size":"1376x768","aspect_ratio":"16:9")", nullptr},
        {R"("size":"1024x1024","aspect_ratio":"3:3")", nullptr},
        {R"("size":"2K","aspect_ratio":"16:9")", nullptr},
        {R"("size":"auto","aspect_ratio":"16:9")", nullptr},
        {R"("size":"1024x1024","resolution":"4K")",
         "size '1024x1024' contradicts resolution '4K'."},
        {R"("size":"2K","resolution":"4K")", "size '2K' contradicts resolution '4K'."},
        {R"("size":"2K","resolution":"1024")", "size '2K' contradicts resolution '1024'."},
        {R"("size":"2K","resolution":"2k")", nullptr},
        {R"("size":"2K","resolution":"2048sq")", nullptr},
        {R"("size":"2048x1152","resolution":"2K")", nullptr},
        {R"("size":"auto","resolution":"4K")", nullptr},
        {R"("aspect_ratio":"16:9","resolution":"4K")", nullptr},
        {R"("size":"1024x1024","aspect_ratio":"16:9","resolution":null)",
         "size '1024x1024' contradicts aspect_ratio '16:9'."},
        {R"("size":"1024x1024","aspect_ratio":null,"resolution":"1K")", nullptr},
    };
    for (const auto &row : kRows) {
        const Decoded decoded(with(row.members));
        EXPECT_EQ(decoded.problems(), row.message == nullptr ? "" : "size invalid_value")
            << row.members;
        if (!decoded && row.message != nullptr) {
            EXPECT_EQ(decoded.error().message, row.message);
        }
    }
}

TEST(Decode, RefusesATransparentJpeg) {
    const Decoded decoded(with(R"("output_format":"jpeg","background":"transparent")"));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.problems(), "background invalid_value");
    EXPECT_EQ(decoded.error().message,
              "background 'transparent' contradicts output_format 'jpeg'.");
    for (const char *good :
         {R"("output_format":"png","background":"transparent")",
          R"("output_format":"webp","background":"transparent")",
          R"("output_format":"jpeg","background":"opaque")",
          R"("output_format":"jpeg","background":"auto")", R"("background":"transparent")"}) {
        EXPECT_EQ(problems_of(with(good)), "") << good;
    }
}

TEST(Decode, TellsEveryContradictionButNoneOfWhatIsWrongAlready) {
    EXPECT_EQ(problems_of(with(R"("size":"512x512","aspect_ratio":"2:1","resolution":"4K",
                                  "background":"transparent","output_format":"jpeg")")),
              "size invalid_value, size invalid_value, background invalid_value");
    EXPECT_EQ(problems_of(with(R"("size":"512x512","aspect_ratio":"2/1","resolution":"fine",
                                  "background":"transparent","output_format":"jpg")")),
              "aspect_ratio invalid_value, resolution invalid_value, output_format invalid_value");
}

TEST(Decode, TakesAStreamForTrueOrFalseOnly) {
    const Decoded decoded(with(R"("stream":true)"));
    ASSERT_TRUE(decoded) << decoded.problems();
    EXPECT_EQ(decoded->params[Param::stream], ParamValue(true));
    EXPECT_EQ(problems_of(with(R"("stream":false)")), "");
    EXPECT_EQ(problems_of(with(R"("stream":null)")), "");
    EXPECT_EQ(problems_of(with(R"("stream":"true")")), "stream invalid_type");
}

}  // namespace
}  // namespace gateway

// The unified contract, field by field: what is taken, and how what is wrong is told.
#include "core/request/decode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/request/fields.h"

namespace gateway {
namespace {

std::string with(const std::string &members) {
    return R"({"prompt":"a kite",)" + members + "}";
}

// "param code" of each problem, in order; empty when the request is taken.
std::string problems_of(const std::string &body) {
    const auto request = decode_request(body);
    if (request) {
        return "";
    }
    EXPECT_EQ(request.error().status, 400);
    EXPECT_EQ(request.error().type, "invalid_request_error");
    if (request.error().details.empty()) {
        return request.error().param + " " + request.error().code;
    }
    EXPECT_EQ(request.error().param, request.error().details.front().param);
    EXPECT_EQ(request.error().code, request.error().details.front().code);
    EXPECT_EQ(request.error().message, request.error().details.front().message);
    std::string all;
    for (const Problem &problem : request.error().details) {
        all += (all.empty() ? "" : ", ") + problem.param + " " + problem.code;
        EXPECT_FALSE(problem.message.empty());
    }
    return all;
}

struct Row {
    const char *field;
    const char *value;
    const char *sent;  // as JSON, if it is taken
    const char *code;  // if it is not
};

constexpr Row kRows[] = {
    {"n", "1", "1", nullptr},
    {"n", "10", "10", nullptr},
    {"n", "1.0", "1", nullptr},
    {"n", "1e1", "10", nullptr},
    {"n", "0", nullptr, "integer_below_min_value"},
    {"n", "-1", nullptr, "integer_below_min_value"},
    {"n", "11", nullptr, "integer_above_max_value"},
    {"n", "1.5", nullptr, "invalid_type"},
    {"n", "\"1\"", nullptr, "invalid_type"},
    {"n", "true", nullptr, "invalid_type"},
    {"n", "[1]", nullptr, "invalid_type"},
    {"n", "9223372036854775808", nullptr, "invalid_type"},
    {"size", "\"auto\"", "\"auto\"", nullptr},
    {"size", "\"1024x1024\"", "\"1024x1024\"", nullptr},
    {"size", "\"1x1\"", "\"1x1\"", nullptr},
    {"size", "\"16384x16384\"", "\"16384x16384\"", nullptr},
    {"size", "\"16385x1\"", nullptr, "invalid_value"},
    {"size", "\"0x1\"", nullptr, "invalid_value"},
    {"size", "\"large\"", nullptr, "invalid_value"},
    {"size", "\"\"", nullptr, "invalid_value"},
    {"size", "1024", nullptr, "invalid_type"},
    {"aspect_ratio", "\"16:9\"", "\"16:9\"", nullptr},
    {"aspect_ratio", "\"16/9\"", nullptr, "invalid_value"},
    {"aspect_ratio", "\"auto\"", nullptr, "invalid_value"},
    {"aspect_ratio", "1.5", nullptr, "invalid_type"},
    {"quality", "\"auto\"", "\"auto\"", nullptr},
    {"quality", "\"low\"", "\"low\"", nullptr},
    {"quality", "\"medium\"", "\"medium\"", nullptr},
    {"quality", "\"high\"", "\"high\"", nullptr},
    {"quality", "\"xhigh\"", "\"xhigh\"", nullptr},
    {"quality", "\"max\"", "\"max\"", nullptr},
    {"quality", "\"standard\"", "\"standard\"", nullptr},
    {"quality", "\"hd\"", "\"hd\"", nullptr},
    {"quality", "\"HD\"", nullptr, "invalid_value"},
    {"quality", "\"\"", nullptr, "invalid_value"},
    {"quality", "\"auto low\"", nullptr, "invalid_value"},
    {"quality", "{}", nullptr, "invalid_type"},
    {"style", "\"vivid\"", "\"vivid\"", nullptr},
    {"style", "\"natural\"", "\"natural\"", nullptr},
    {"style", "\"bold\"", nullptr, "invalid_value"},
    {"background", "\"transparent\"", "\"transparent\"", nullptr},
    {"background", "\"opaque\"", "\"opaque\"", nullptr},
    {"background", "\"auto\"", "\"auto\"", nullptr},
    {"background", "\"white\"", nullptr, "invalid_value"},
    {"output_format", "\"png\"", "\"png\"", nullptr},
    {"output_format", "\"webp\"", "\"webp\"", nullptr},
    {"output_format", "\"jpeg\"", "\"jpeg\"", nullptr},
    {"output_format", "\"jpg\"", nullptr, "invalid_value"},
    {"output_compression", "0", "0", nullptr},
    {"output_compression", "100", "100", nullptr},
    {"output_compression", "-1", nullptr, "integer_below_min_value"},
    {"output_compression", "101", nullptr, "integer_above_max_value"},
    {"response_format", "\"url\"", "\"url\"", nullptr},
    {"response_format", "\"b64_json\"", "\"b64_json\"", nullptr},
    {"response_format", "\"b64\"", nullptr, "invalid_value"},
    {"moderation", "\"low\"", "\"low\"", nullptr},
    {"moderation", "\"auto\"", "\"auto\"", nullptr},
    {"moderation", "\"high\"", nullptr, "invalid_value"},
    {"negative_prompt", "\"\"", "\"\"", nullptr},
    {"negative_prompt", "\"rain\"", "\"rain\"", nullptr},
    {"negative_prompt", "7", nullptr, "invalid_type"},
    {"seed", "-9223372036854775808", "-9223372036854775808", nullptr},
    {"seed", "9223372036854775807", "9223372036854775807", nullptr},
    {"seed", "9223372036854775808", nullptr, "invalid_type"},
    {"seed", "0.5", nullptr, "invalid_type"},
    {"num_inference_steps", "1", "1", nullptr},
    {"num_inference_steps", "0", nullptr, "integer_below_min_value"},
    {"num_inference_steps", "\"20\"", nullptr, "invalid_type"},
    {"guidance", "0", "0", nullptr},
    {"guidance", "7.5", "7.5", nullptr},
    {"guidance", "-1e3", "-1000", nullptr},
    {"guidance", "\"7\"", nullptr, "invalid_type"},
    {"guidance", "1e999", nullptr, "invalid_type"},
    {"stream", "false", "false", nullptr},
    {"stream", "true", nullptr, "unsupported_parameter"},
    {"stream", "\"false\"", nullptr, "invalid_type"},
    {"stream", "0", nullptr, "invalid_type"},
    {"partial_images", "0", "0", nullptr},
    {"partial_images", "3", "3", nullptr},
    {"partial_images", "4", nullptr, "integer_above_max_value"},
    {"partial_images", "-1", nullptr, "integer_below_min_value"},
    {"user", "\"u-17\"", "\"u-17\"", nullptr},
    {"user", "\"\"", "\"\"", nullptr},
    {"user", "17", nullptr, "invalid_type"},
};

TEST(Decode, HoldsEveryFieldToTheContract) {
    for (const Row &row : kRows) {
        const std::string body = with("\"" + std::string(row.field) + "\":" + row.value);
        SCOPED_TRACE(body);
        if (row.code != nullptr) {
            EXPECT_EQ(problems_of(body), std::string(row.field) + " " + row.code);
            continue;
        }
        const auto request = decode_request(body);
        ASSERT_TRUE(request) << request.error().message;
        for (const Field &field : fields()) {
            if (field.name == row.field) {
                EXPECT_EQ(to_json(request->params[field.param]), row.sent);
            } else if (field.param != Param::prompt) {
                EXPECT_FALSE(request->params.has(field.param)) << field.name;
            }
        }
        EXPECT_TRUE(request->adjustments.empty());
    }
}

TEST(Decode, HasARowAboveForEveryFieldButThePrompt) {
    for (const Field &field : fields()) {
        const bool has_row = field.param == Param::prompt ||
                             std::any_of(std::begin(kRows), std::end(kRows),
                                         [&](const Row &row) { return row.field == field.name; });
        EXPECT_TRUE(has_row) << field.name;
    }
}

TEST(Decode, TakesNullForAbsent) {
    for (const Field &field : fields()) {
        const std::string body = field.required ? R"({"prompt":null})"
                                                : with("\"" + std::string(field.name) + "\":null");
        if (field.required) {
            EXPECT_EQ(problems_of(body), "prompt missing_required_parameter");
        } else {
            const auto request = decode_request(body);
            ASSERT_TRUE(request) << field.name;
            EXPECT_FALSE(request->params.has(field.param)) << field.name;
        }
    }
    EXPECT_EQ(problems_of(with(R"("model":null,"fallbacks":null)")), "");
}

TEST(Decode, BoundsTheLengthOfTexts) {
    const struct {
        const char *field;
        size_t most;
    } kTexts[] = {{"negative_prompt", 32000}, {"user", 1024}};
    for (const auto &row : kTexts) {
        const std::string name = row.field;
        EXPECT_EQ(problems_of(with("\"" + name + "\":\"" + std::string(row.most, 'x') + "\"")), "");
        EXPECT_EQ(problems_of(with("\"" + name + "\":\"" + std::string(row.most + 1, 'x') + "\"")),
                  name + " string_above_max_length");
    }
}

TEST(Decode, SaysWhatItExpectedAndWhatItGot) {
    const struct {
        const char *members;
        const char *message;
    } kMessages[] = {
        {R"("n":"1")", "n must be an integer, not a string."},
        {R"("n":11)", "n must be at most 10."},
        {R"("size":7)", "size must be a string, not a number."},
        {R"("stream":[])", "stream must be a boolean, not an array."},
        {R"("style":"bold")", "style must be one of: vivid natural."},
    };
    for (const auto &row : kMessages) {
        const auto request = decode_request(with(row.members));
        ASSERT_FALSE(request) << row.members;
        EXPECT_EQ(request.error().message, row.message);
    }
    const auto huge = decode_request(with(R"("guidance":1e999)"));
    ASSERT_FALSE(huge);
    EXPECT_NE(huge.error().message, "guidance must be a number, not a number.");
}

TEST(Decode, TellsAllProblemsAtOnceInTheOrderOfTheBody) {
    EXPECT_EQ(problems_of(R"({"size":"big","n":0,"style":3,"stream":true,"fallbacks":["",7]})"),
              "size invalid_value, n integer_below_min_value, style invalid_type, "
              "fallbacks[0] invalid_value, fallbacks[1] invalid_value, "
              "prompt missing_required_parameter, stream unsupported_parameter");
}

}  // namespace
}  // namespace gateway

// The promise about parameters, for random requests and every model of the catalogue: none vanishes
// silently.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "core/catalog/fit.h"
#include "core/request/fields.h"
#include "fake_ports.h"

namespace gateway {
namespace {

constexpr const char *kModels[][2] = {
    {"openai", "gpt-image-2.5-sunburst"}, {"openai", "gpt-image-2.5-flare-2026-09-08"},
    {"openai", "gpt-image-2.5-x"},        {"openai", "gpt-image-2"},
    {"openai", "gpt-image-2-2026-04-21"}, {"openai", "gpt-image-1.5"},
    {"openai", "chatgpt-image-latest"},   {"openai", "dall-e-3"},
    {"sandbox", "placeholder"},           {"sandbox", "anything"},
};

// Words of a field's choices, by turns.
std::string_view choice(const Field &field, FakeRandom &random) {
    const auto count =
        static_cast<uint64_t>(1 + std::count(field.choices.begin(), field.choices.end(), ' '));
    std::string_view rest = field.choices;
    for (uint64_t skip = random.below(count); skip > 0; --skip) {
        rest.remove_prefix(rest.find(' ') + 1);
    }
    return rest.substr(0, rest.find(' '));
}

// Only values that decoding would let through.
Params random_request(FakeRandom &random) {
    static constexpr std::string_view kSizes[] = {"auto",      "1024x1024", "1536x1024", "512x512",
                                                  "1920x1080", "1920x1088", "3840x2160", "1x16384",
                                                  "4096x4096", "1792x1024"};
    static constexpr std::string_view kTexts[] = {"a kite", "é", "rain, fog", "\"quoted\"\n"};
    Params params;
    for (const Field &field : fields()) {
        if (!field.required && random.below(2) == 0) {
            continue;
        }
        ParamValue &value = params[field.param];
        switch (field.type) {
            case FieldType::text: value = kTexts[random.below(std::size(kTexts))]; break;
            case FieldType::choice: value = choice(field, random); break;
            case FieldType::size: value = kSizes[random.below(std::size(kSizes))]; break;
            case FieldType::ratio: value = std::string_view("16:9"); break;
            case FieldType::boolean: value = false; break;
            case FieldType::number: value = 7.5; break;
            case FieldType::integer: {
                const int64_t low = std::max<int64_t>(field.min, -5);
                const int64_t high = std::min<int64_t>(field.max, 150);
                value =
                    low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
                break;
            }
        }
    }
    return params;
}

// The parameters that are no model's business but the gateway's: to whom a picture goes and how.
bool is_the_gateways(Param param, const Params &asked) {
    return param == Param::response_format || param == Param::stream ||
           (param == Param::partial_images && asked.integer(param, 0) == 0);
}

TEST(FitProperty, EveryParameterIsSentOrListedOrRefused) {
    const auto catalogue = Catalogue::read(Catalogue::built_in());
    ASSERT_TRUE(catalogue) << catalogue.error();
    FakeRandom random(7);
    size_t as_asked = 0;
    size_t adapted = 0;
    size_t left_out = 0;
    size_t refused = 0;
    for (int round = 0; round < 10'000; ++round) {
        const Params asked = random_request(random);
        for (const auto &[api, model] : kModels) {
            const ModelSpec &spec = *catalogue->find(api, model);
            const auto fitted = fit(asked, spec, FitMode::adapt);
            const auto strict = fit(asked, spec, FitMode::strict);
            ASSERT_TRUE(fitted) << fitted.error().message;
            ASSERT_EQ(strict.has_value(), fitted->adjustments.empty()) << model;
            std::set<std::string> listed;
            for (const Adjustment &adjustment : fitted->adjustments) {
                ASSERT_TRUE(listed.insert(adjustment.param).second) << adjustment.param;
                ASSERT_FALSE(adjustment.reason.empty());
            }
            if (!strict) {
                ASSERT_TRUE(listed.contains(strict.error().param)) << strict.error().param;
                ++refused;
            }
            for (const Field &field : fields()) {
                const Param param = field.param;
                const std::string name(field.name);
                const bool sent = fitted->params.has(param);
                if (!asked.has(param)) {
                    ASSERT_FALSE(sent) << name << " was not asked for";
                    ASSERT_FALSE(listed.contains(name)) << name;
                    continue;
                }
                // Whatever is sent, the model has such a parameter.
                ASSERT_TRUE(!sent || (*spec.parameters)[param]) << model << " " << name;
                if (is_the_gateways(param, asked)) {
                    continue;
                }
                const bool same = sent && fitted->params[param] == asked[param];
                ASSERT_NE(same, listed.contains(name)) << model << " " << name;
                ++(same ? as_asked : sent ? adapted : left_out);
            }
        }
    }
    EXPECT_GT(as_asked, 100'000U);
    EXPECT_GT(adapted, 1'000U);
    EXPECT_GT(left_out, 100'000U);
    EXPECT_GT(refused, 50'000U);
}

TEST(FitProperty, WhatWasFittedFitsAgainUnchanged) {
    const auto catalogue = Catalogue::read(Catalogue::built_in());
    ASSERT_TRUE(catalogue) << catalogue.error();
    FakeRandom random(11);
    for (int round = 0; round < 1'000; ++round) {
        const Params asked = random_request(random);
        for (const auto &[api, model] : kModels) {
            const ModelSpec &spec = *catalogue->find(api, model);
            const auto once = fit(asked, spec, FitMode::adapt);
            ASSERT_TRUE(once);
            const auto twice = fit(once->params, spec, FitMode::strict);
            ASSERT_TRUE(twice) << model << ": " << twice.error().message;
        }
    }
}

}  // namespace
}  // namespace gateway

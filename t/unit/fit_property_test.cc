// The guarantee about parameters, for random requests and every row of the catalogue: none is lost
// silently, and nothing is sent that the model does not accept.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>

#include "catalogues.h"
#include "core/catalog/fit.h"
#include "core/json/text.h"
#include "how_many.h"
#include "random_request.h"

namespace gateway {
namespace {

bool legal_size(const SizeSpec &spec, std::string_view text) {
    if (text == "auto") {
        return spec.automatic || spec.takes_any();
    }
    const auto size = parse_size(text);
    return size ? spec.allows(*size) : spec.takes_any();
}

bool legal_ratio(const RatioSpec &spec, std::string_view text) {
    const auto ratio = parse_ratio(text);
    if (!ratio || !spec.list.empty()) {
        // In the model's own spelling: 7:3 is no 21:9 for a list of words.
        return ratio && std::find(spec.list.begin(), spec.list.end(), *ratio) != spec.list.end();
    }
    constexpr double kRounding = 1e-9;
    return (!spec.min || ratio->ratio() >= spec.min->ratio() - kRounding) &&
           (!spec.max || ratio->ratio() <= spec.max->ratio() + kRounding);
}

bool legal(const ModelSpec &model, Param param, const Params &sent) {
    const std::string_view text = sent.text(param);
    const ParamSpec &spec = *model[param];
    switch (param) {
        case Param::size: return legal_size(model.size, text);
        case Param::aspect_ratio: return legal_ratio(model.ratio, text);
        case Param::resolution:
            return std::any_of(model.tier.list.begin(), model.tier.list.end(),
                               [&](const TierSpec::Tier &tier) { return tier.name == text; });
        case Param::n: return true;  // the calls say how many each asks for
        default: break;
    }
    double number = 0;
    if (const auto *integer = std::get_if<int64_t>(&sent[param])) {
        number = static_cast<double>(*integer);
    } else if (const auto *real = std::get_if<double>(&sent[param])) {
        number = *real;
    } else {
        return (spec.choices.empty() ||
                std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) &&
               (!spec.max_length ||
                static_cast<int64_t>(count_characters(text)) <= *spec.max_length);
    }
    return number >= spec.min.value_or(number) && number <= spec.max.value_or(number);
}

// 2k for 2K and 2:2 for 1:1 count as sent unchanged.
bool same(Param param, const Params &sent, const Params &asked) {
    if (sent[param] == asked[param]) {
        return true;
    }
    if (param == Param::aspect_ratio) {
        const auto one = parse_ratio(sent.text(param));
        const auto other = parse_ratio(asked.text(param));
        return one && other && one->width * other->height == other->width * one->height;
    }
    const auto tier = parse_resolution(sent.text(param));
    return param == Param::resolution && tier && tier == parse_resolution(asked.text(param));
}

// The gateway handles these parameters itself; they are not sent to the model.
bool is_the_gateways(Param param, const Params &asked) {
    return param == Param::stream || param == Param::response_format ||
           (param == Param::partial_images && asked.integer(param, 0) == 0);
}

struct Counts {
    size_t cases = 0;
    size_t as_asked = 0;
    size_t adapted = 0;
    size_t left_out = 0;
    size_t refused = 0;
    size_t refused_by_strict = 0;
};

void check_calls(const Params &asked, const ModelSpec &model, const Fitted &fitted) {
    const int64_t n = asked.integer(Param::n, 1);
    const double max = model[Param::n] ? model[Param::n]->max.value_or(1e9) : 1;
    ASSERT_EQ(std::accumulate(fitted.calls.begin(), fitted.calls.end(), int64_t{0}), n);
    for (const int64_t call : fitted.calls) {
        ASSERT_TRUE(call >= 1 && static_cast<double>(call) <= max) << call;
    }
    ASSERT_TRUE(!fitted.params.has(Param::n) || fitted.params[Param::n] == asked[Param::n]);
}

void check_fitted(const Params &asked, const ModelSpec &model, const Fitted &fitted,
                  Counts &counts) {
    size_t found = 0;
    for (const Param param : all_params()) {
        const auto is_of_it = [&](const Adjustment &adjustment) {
            return adjustment.param == name_of(param);
        };
        const auto begin = fitted.adjustments.begin();
        const auto lines = std::count_if(begin, fitted.adjustments.end(), is_of_it);
        const bool sent = fitted.params.has(param);
        const bool shape =
            param == Param::size || param == Param::aspect_ratio || param == Param::resolution;
        ASSERT_LE(lines, asked.is_requested(param) ? 1 : 0) << name_of(param) << " is listed";
        ASSERT_TRUE(!sent || asked.has(param) || shape) << name_of(param) << " nobody asked for";
        if (param == Param::stream) {  // no parameter of a model's, but something that it can do
            const bool can = model.can(Operation::stream) && asked[param] == ParamValue(true);
            ASSERT_EQ(sent, can);
            continue;
        }
        ASSERT_TRUE(!sent || model[param]) << name_of(param) << " the model does not have";
        ASSERT_TRUE(!sent || legal(model, param, fitted.params))
            << name_of(param) << " " << to_json(fitted.params[param]) << " is not legal";
        found += static_cast<size_t>(lines);
        if (!asked.is_requested(param) || is_the_gateways(param, asked) || param == Param::n) {
            ASSERT_EQ(lines, 0) << name_of(param);
            continue;
        }
        const bool as_asked = sent && same(param, fitted.params, asked);
        ASSERT_EQ(as_asked, lines == 0) << name_of(param);
        if (!as_asked) {
            const Adjustment &line = *std::find_if(begin, fitted.adjustments.end(), is_of_it);
            ASSERT_EQ(line.requested, to_json(asked[param]));
            ASSERT_TRUE(!line.reason.empty() && (!sent || line.sent != "null"));
        }
        ++(as_asked ? counts.as_asked : sent ? counts.adapted : counts.left_out);
    }
    ASSERT_EQ(found, fitted.adjustments.size()) << "something else is listed";
}

void check(const Params &asked, const ModelSpec &model, Counts &counts) {
    const auto fitted = fit(asked, model, FitMode::adapt);
    // Fitting is most of the work here, so that strict is asked every eighth time.
    const auto strict =
        counts.cases++ % 8 == 0 ? std::optional(fit(asked, model, FitMode::strict)) : std::nullopt;
    if (!fitted) {
        const std::string &code = fitted.error().code;
        ASSERT_TRUE(code == "unsupported_operation"
                        ? !model.can(Operation::generate)
                        : code == "string_above_max_length" && model[Param::prompt]->max_length)
            << fitted.error().message;
        ASSERT_FALSE(strict && *strict);
        ++counts.refused;
        return;
    }
    // Strict refuses what adapt lists, but not an "auto" for a model that has no choice.
    const bool all_left_open = std::all_of(
        fitted->adjustments.begin(), fitted->adjustments.end(), [](const Adjustment &line) {
            return line.requested == "\"auto\"" && !line.sent.starts_with('"');
        });
    ASSERT_TRUE(!strict || strict->has_value() == all_left_open);
    if (strict && !*strict) {
        ASSERT_TRUE(std::any_of(
            fitted->adjustments.begin(), fitted->adjustments.end(),
            [&](const Adjustment &line) { return line.param == strict->error().param; }));
        ++counts.refused_by_strict;
    }
    ASSERT_NO_FATAL_FAILURE(check_calls(asked, model, *fitted));
    check_fitted(asked, model, *fitted, counts);
}

std::string told(const Params &params) {
    std::string text;
    for (const Param param : all_params()) {
        if (params.has(param)) {
            text += std::string(name_of(param)) + (params.is_default(param) ? " (default)" : "") +
                    "=" + to_json(params[param]) + " ";
        }
    }
    return text;
}

TEST(FitProperty, EveryParameterIsSentOrListedOrRefused) {
    RequestMaker maker(7);
    Counts counts;
    for (int round = 0; round < of_cases(10'000); ++round) {
        const RandomRequest request = maker.make();
        for (const auto &[api, rows] : built_in().apis()) {
            for (const ModelSpec &model : rows) {
                check(request.params, model, counts);
                ASSERT_FALSE(testing::Test::HasFailure())
                    << api << "/" << model.pattern << ": " << told(request.params);
            }
        }
    }
    EXPECT_GT(counts.as_asked, of_cases(500'000U));
    EXPECT_GT(counts.adapted, of_cases(100'000U));
    EXPECT_GT(counts.left_out, of_cases(500'000U));
    EXPECT_GT(counts.refused, of_cases(10'000U));
    EXPECT_GT(counts.refused_by_strict, of_cases(20'000U));
}

TEST(FitProperty, WhatWasFittedFitsAgainUnchanged) {
    RequestMaker maker(11);
    for (int round = 0; round < of_cases(1'000); ++round) {
        const RandomRequest request = maker.make();
        for (const auto &[api, rows] : built_in().apis()) {
            for (const ModelSpec &model : rows) {
                const auto once = fit(request.params, model, FitMode::adapt);
                if (!once) {
                    continue;
                }
                Params again;  // all of it asked for, nothing a default
                for (const Param param : all_params()) {
                    again[param] = once->params[param];
                }
                const auto twice = fit(again, model, FitMode::strict);
                ASSERT_TRUE(twice)
                    << api << "/" << model.pattern << " " << told(request.params) << "\n"
                    << told(again) << "\n"
                    << twice.error().message;
                for (const Param param : all_params()) {
                    ASSERT_EQ(twice->params[param], again[param]) << name_of(param);
                }
                if (model[Param::n]) {
                    ASSERT_EQ(twice->calls, once->calls);
                }
            }
        }
    }
}

}  // namespace
}  // namespace gateway

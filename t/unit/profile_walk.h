// For tests: walks every field of a published API, as the test describes its contract. It fails if
// the profile has a field more or less than the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "contract_rows.h"
#include "core/request/decode_images.h"
#include "core/words.h"
#include "decoded.h"

namespace gateway {

class ProfileWalk {
 public:
    // `base` has the required fields and a good text for each; `elsewhere` are the fields that only
    // other contracts have.
    ProfileWalk(const char *profile, std::vector<std::pair<std::string, std::string>> base,
                std::vector<Expected> rows, std::string_view elsewhere)
        : profile_(*profile_named(profile)),
          base_(std::move(base)),
          rows_(std::move(rows)),
          elsewhere_(split(elsewhere)) {}

    [[nodiscard]] const Profile &profile() const { return profile_; }
    [[nodiscard]] const std::vector<std::string> &elsewhere() const { return elsewhere_; }

    [[nodiscard]] Decoded decode(const std::string &name, const std::string &json,
                                 const UnknownFields &unknown = {}) const {
        std::string members = in_quotes(name) + ":" + json;
        for (const auto &[base_name, value] : base_) {
            members += base_name == name ? "" : "," + in_quotes(base_name) + ":" + in_quotes(value);
        }
        return Decoded("{" + members + "}", profile_, unknown);
    }
    [[nodiscard]] std::string problems(const std::string &name, const std::string &json,
                                       const UnknownFields &unknown = {}) const {
        return decode(name, json, unknown).problems();
    }

    void expect_no_other_fields() const {
        std::set<std::string> walked;
        std::set<std::string> published(elsewhere_.begin(), elsewhere_.end());
        for (const Expected &row : rows_) {
            EXPECT_TRUE(walked.insert(row.name).second) << row.name << " is walked twice";
            EXPECT_TRUE(published.insert(row.name).second) << row.name << " is both here and not";
        }
        std::set<std::string> has;
        for (const Field &field : profile_.fields) {
            EXPECT_TRUE(has.insert(std::string(field.name)).second) << field.name;
        }
        EXPECT_EQ(walked, has);
        EXPECT_EQ(published, kPublishedFields);
    }

    void expect_what_is_allowed_is_taken() const {
        for (const Expected &row : rows_) {
            switch (row.kind) {
                case Expected::Kind::text: take_lengths(row); break;
                case Expected::Kind::words: take_words(row); break;
                case Expected::Kind::integer: take_integers(row); break;
                case Expected::Kind::number: take_numbers(row); break;
                case Expected::Kind::boolean: take(row, "false", false); break;
                case Expected::Kind::model: take_models(row); break;
                case Expected::Kind::fallbacks: take_fallbacks(row); break;
            }
        }
    }

    void expect_what_is_beyond_is_refused() const {
        for (const Expected &row : rows_) {
            for (const std::string &word : row.beyond) {
                refuse(row, in_quotes(word), "invalid_value");
            }
            if (row.kind == Expected::Kind::integer) {
                refuse_integers(row);
            } else if (row.kind == Expected::Kind::text) {
                refuse_lengths(row);
            } else if (row.kind == Expected::Kind::model) {
                refuse(row, "\"\"", "invalid_value");
                refuse(row, "\"a b\"", "invalid_value");
            }
        }
    }

    void expect_wrong_types_are_refused() const {
        for (const Expected &row : rows_) {
            for (const char *json : {"true", "7", "1.5", "1e999", "\"1\"", "[]", "[1]", "{}"}) {
                if (!is_of_its_type(row.kind, json)) {
                    refuse(row, json, "invalid_type");
                }
            }
        }
    }

    void expect_null_to_be_as_absent_where_it_may_be() const {
        for (const Expected &row : rows_) {
            if (row.is_nullable) {
                const Decoded decoded = decode(row.name, "null");
                ASSERT_TRUE(decoded) << row.name;
                expect_same(decoded, standing());
            } else {
                refuse(row, "null", "invalid_type");
            }
        }
    }

    // Each standard is there, and never held against the caller.
    void expect_standards_for_what_is_absent() const {
        const Decoded decoded = decode("cfg_scale", "1");
        ASSERT_TRUE(decoded) << decoded.problems();
        expect_same_params(decoded->params, standing());
        for (const Expected &row : rows_) {
            SCOPED_TRACE(row.name);
            if (row.kind == Expected::Kind::model) {
                // Routing decides which model it is.
                EXPECT_EQ(profile_.field("model")->default_value, row.standard);
                EXPECT_EQ(decoded->model, base_of("model"));
            } else if (!row.standard.empty()) {
                const Param param = *param_named(row.name);
                EXPECT_FALSE(decoded->params.is_requested(param));
                if (row.kind == Expected::Kind::words) {
                    EXPECT_TRUE(decoded->params.is_default(param));
                    EXPECT_EQ(decoded->params.text(param), row.standard);
                } else if (row.kind == Expected::Kind::integer) {
                    const int64_t standard = std::stoll(row.standard);
                    EXPECT_EQ(decoded->params.integer(param, standard), standard);
                } else {
                    EXPECT_NE(decoded->params[param], ParamValue(true));
                }
            }
        }
    }

    void expect_what_is_required_to_be_missed() const {
        std::string missing;
        for (const Expected &row : rows_) {
            if (row.is_required) {
                std::string members;
                for (const auto &[name, value] : base_) {
                    if (name != row.name) {
                        members +=
                            (members.empty() ? "" : ",") + in_quotes(name) + ":" + in_quotes(value);
                    }
                }
                EXPECT_EQ(Decoded("{" + members + "}", profile_).problems(),
                          row.name + " missing_required_parameter");
                missing += (missing.empty() ? "" : ", ") + row.name + " missing_required_parameter";
            }
        }
        EXPECT_EQ(Decoded("{}", profile_).problems(), missing);
    }

    void expect_other_fields_to_be_unknown() const {
        using Mode = UnknownFields::Mode;
        std::vector<std::string> names = elsewhere_;
        names.insert(names.end(), {"cfg_scale", "Prompt", "n ", ""});
        for (const std::string &name : names) {
            SCOPED_TRACE("'" + name + "'");
            expect_dropped(name, {});
            expect_dropped(name, {Mode::pass, {"something_else"}});
            expect_dropped(name, {Mode::drop, {name}});
            EXPECT_EQ(problems(name, "{\"a\":1}", {Mode::reject, {}}), name + " unknown_parameter");
            EXPECT_EQ(problems(name, "true", {Mode::reject, {name}}), name + " unknown_parameter");
        }
        const Decoded passed = decode("cfg_scale", "{\"a\":1}", {Mode::pass, {"x", "cfg_scale"}});
        ASSERT_TRUE(passed);
        ASSERT_EQ(passed->passed.size(), 1U);
        EXPECT_EQ(passed->passed[0].key(), "cfg_scale");
        EXPECT_EQ(passed->passed[0]["a"].integer(), 1);
        expect_same(passed, standing());
    }

    void expect_images_to_be_refused() const {
        using Mode = UnknownFields::Mode;
        for (const char *name : {"image", "images", "mask", "input_references"}) {
            const bool is_mask = std::string_view(name) == kMaskField;
            const std::string_view taken = profile_.generation_images;
            if (is_mask ? !taken.empty() : is_one_of(name, taken)) {
                continue;
            }
            for (const char *json : {"\"data:image/png;base64,iVBO\"", "[\"a\"]", "{}"}) {
                for (const Mode mode : {Mode::drop, Mode::reject, Mode::pass}) {
                    EXPECT_EQ(problems(name, json, {mode, {name}}),
                              std::string(name) + " unsupported_parameter");
                }
            }
        }
    }

    // In the order of the body, and then what is not in it.
    void expect_all_problems_at_once() const {
        std::string body;
        std::string found;
        std::string missing;
        for (const Expected &row : rows_) {
            if (row.is_required) {
                missing += ", " + row.name + " missing_required_parameter";
            } else {
                const bool array = row.kind == Expected::Kind::fallbacks;
                body = in_quotes(row.name) + ":" + (array ? "{}" : "[]") +
                       (body.empty() ? "" : "," + body);
                found = row.name + " invalid_type" + (found.empty() ? "" : ", " + found);
            }
        }
        body += ",\"mask\":1,\"cfg_scale\":1";
        // What is wrong with the images themselves follows all other fields.
        const bool takes_images = !profile_.generation_images.empty();
        const std::string early = takes_images ? "" : ", mask unsupported_parameter";
        const std::string late = takes_images ? ", mask invalid_type" : "";
        EXPECT_EQ(Decoded("{" + body + "}", profile_).problems(), found + early + late + missing);
        EXPECT_EQ(Decoded("{" + body + "}", profile_, {UnknownFields::Mode::reject, {}}).problems(),
                  found + early + ", cfg_scale unknown_parameter" + late + missing);
    }

 private:
    static constexpr std::string_view kFourBytes = "\xF0\x9F\xAA\x81";
    static constexpr size_t kMany = 50'000;  // for texts that no contract bounds

    // What a request has that says only what is required; this field left out.
    [[nodiscard]] Params standing(const std::string &without = "") const {
        Params params;
        for (const Expected &row : rows_) {
            const auto param = param_named(row.name);
            if (!param || row.name == without) {
                continue;
            }
            if (row.is_required) {
                params[*param] = std::string_view(base_of(row.name));
            } else if (row.kind == Expected::Kind::words && !row.standard.empty()) {
                params.set_default(*param, std::string_view(row.standard));
            }
        }
        return params;
    }
    [[nodiscard]] const std::string &base_of(const std::string &name) const {
        static const std::string kNone;
        const auto found = std::find_if(base_.begin(), base_.end(),
                                        [&](const auto &pair) { return pair.first == name; });
        return found == base_.end() ? kNone : found->second;
    }

    // Standards that are no words may be there or not: they mean the same.
    static void expect_same_params(const Params &is, const Params &wanted) {
        for (const Param param : all_params()) {
            if (is.is_default(param) && !std::holds_alternative<std::string_view>(is[param])) {
                continue;
            }
            EXPECT_EQ(to_json(is[param]), to_json(wanted[param])) << name_of(param);
            EXPECT_TRUE(is[param] == wanted[param]) << name_of(param);
            EXPECT_EQ(is.is_default(param), wanted.is_default(param)) << name_of(param);
        }
    }
    static void expect_same(const Decoded &is, const Params &wanted) {
        expect_same_params(is->params, wanted);
        EXPECT_TRUE(is->adjustments.empty());
        EXPECT_TRUE(is->fallbacks.empty());
    }

    void take(const Expected &row, const std::string &json, ParamValue value) const {
        SCOPED_TRACE(row.name + ": " + json.substr(0, 80));
        const Decoded decoded = decode(row.name, json);
        ASSERT_TRUE(decoded) << decoded.error().message;
        Params wanted = standing(row.name);
        if (const auto param = param_named(row.name)) {
            EXPECT_TRUE(decoded->params.is_requested(*param));
            wanted[*param] = value;
        }
        expect_same(decoded, wanted);
    }

    void refuse(const Expected &row, const std::string &json, const std::string &code) const {
        EXPECT_EQ(problems(row.name, json), row.name + " " + code)
            << row.name << ": " << json.substr(0, 80);
    }

    void take_lengths(const Expected &row) const {
        const auto min = static_cast<size_t>(*row.min);
        const size_t max = row.max ? static_cast<size_t>(*row.max) : kMany;
        for (const size_t length : {min, max}) {
            for (const std::string_view character : {std::string_view("x"), kFourBytes}) {
                const std::string text = repeat(character, length);
                take(row, in_quotes(text), std::string_view(text));
            }
        }
        const std::string text = repeat(kFourBytes, max);
        take(row, in_quotes(repeat("\\ud83e\\ude81", max)), std::string_view(text));
    }
    void refuse_lengths(const Expected &row) const {
        if (*row.min > 0) {
            refuse(row, "\"\"", "string_below_min_length");
        }
        if (row.max) {
            const auto beyond = static_cast<size_t>(*row.max) + 1;
            for (const std::string_view character :
                 {std::string_view("x"), kFourBytes, std::string_view("\\ud83e\\ude81")}) {
                refuse(row, in_quotes(repeat(character, beyond)), "string_above_max_length");
            }
        }
    }

    void take_words(const Expected &row) const {
        for (const std::string &word : row.allowed) {
            take(row, in_quotes(word), std::string_view(word));
        }
    }

    void take_integers(const Expected &row) const {
        const int64_t min = row.min.value_or(INT64_MIN);
        const int64_t max = row.max.value_or(INT64_MAX);
        for (const int64_t good : {min, max, std::max(min, int64_t{1})}) {
            take(row, std::to_string(good), good);
        }
        take(row, "1.0", int64_t{1});
        take(row, "1e0", int64_t{1});
    }
    void refuse_integers(const Expected &row) const {
        if (row.min) {
            refuse(row, std::to_string(*row.min - 1), "integer_below_min_value");
        }
        if (row.max) {
            refuse(row, std::to_string(*row.max + 1), "integer_above_max_value");
        }
        refuse(row, "9223372036854775808", "invalid_type");
        refuse(row, "-9223372036854775809", "invalid_type");
    }

    void take_numbers(const Expected &row) const {
        take(row, "0", 0.0);
        take(row, "7.5", 7.5);
        take(row, "-1e3", -1000.0);
    }

    void take_models(const Expected &row) const {
        for (const char *model : {"auto", "openai/gpt-image-2", "meetkai:z-image-turbo"}) {
            const Decoded decoded = decode(row.name, in_quotes(model));
            ASSERT_TRUE(decoded) << decoded.error().message;
            EXPECT_EQ(decoded->model, model);
            expect_same(decoded, standing());
        }
    }

    void take_fallbacks(const Expected &row) const {
        const Decoded decoded = decode(
            row.name, R"(["a/b",{"provider":"c","model":"d/e"},{"model":"g","provider":"f"}])");
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_EQ(decoded->fallbacks, (std::vector<std::string>{"a/b", "c/d/e", "f/g"}));
        expect_same_params(decoded->params, standing());
        EXPECT_EQ(problems(row.name, "[]"), "");
        EXPECT_EQ(problems(row.name, R"(["a/b",7])"), "fallbacks[1] invalid_value");
    }

    static bool is_of_its_type(Expected::Kind kind, std::string_view json) {
        switch (kind) {
            case Expected::Kind::text:
            case Expected::Kind::words:
            case Expected::Kind::model: return json.front() == '"';
            case Expected::Kind::integer: return json == "7";
            case Expected::Kind::number: return json == "7" || json == "1.5";
            case Expected::Kind::boolean: return json == "true";
            case Expected::Kind::fallbacks: return json.front() == '[';
        }
        return false;
    }

    void expect_dropped(const std::string &name, const UnknownFields &unknown) const {
        const Decoded decoded = decode(name, R"({"a":1})", unknown);
        ASSERT_TRUE(decoded) << decoded.error().message;
        EXPECT_TRUE(decoded->passed.empty());
        EXPECT_TRUE(decoded->fallbacks.empty());
        EXPECT_EQ(decoded->model, base_of("model"));
        expect_same_params(decoded->params, standing());
        ASSERT_EQ(decoded->adjustments.size(), 1U);
        const Adjustment &listed = decoded->adjustments[0];
        EXPECT_EQ(listed.param, name);
        EXPECT_EQ(listed.requested, R"({"a":1})");
        EXPECT_EQ(listed.sent, "null");
        EXPECT_FALSE(listed.reason.empty());
    }

    const Profile &profile_;
    std::vector<std::pair<std::string, std::string>> base_;
    std::vector<Expected> rows_;
    std::vector<std::string> elsewhere_;
};

}  // namespace gateway

#include "core/catalog/fit.h"

#include <algorithm>
#include <utility>

#include "core/json/text.h"
#include "core/request/fields.h"

namespace gateway {

namespace {

// What the gateway itself sees to; a model need not know it.
bool is_for_the_gateway(Param param) {
    return param == Param::response_format || param == Param::stream;
}

const std::string *alias_of(const ParamSpec &spec, std::string_view word) {
    const auto alias = spec.aliases.find(word);
    return alias == spec.aliases.end() ? nullptr : &alias->second;
}

std::string joined(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

struct Verdict {
    enum { as_it_is, adapted, left_out, impossible } what = as_it_is;
    ParamValue value;
    std::string reason;
};

Verdict judge_text(Param param, const ParamSpec &spec, std::string_view text) {
    if (spec.max_length && static_cast<int64_t>(count_characters(text)) > *spec.max_length) {
        const std::string most = std::to_string(*spec.max_length);
        return {Verdict::impossible, {}, "this model takes at most " + most + " characters"};
    }
    if (param == Param::size && !spec.allows_size(text)) {
        return {Verdict::left_out, {}, "not a size of this model; it chooses its own"};
    }
    if (spec.choices.empty() ||
        std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) {
        return {};
    }
    if (const std::string *alias = alias_of(spec, text)) {
        return {Verdict::adapted, std::string_view(*alias), "this model's word for it"};
    }
    return {Verdict::left_out, {}, "this model takes only " + joined(spec.choices)};
}

Verdict judge(Param param, const std::optional<ParamSpec> &spec, const ParamValue &value) {
    if (!spec) {
        return {Verdict::left_out, {}, "this model has no such parameter"};
    }
    if (const auto *text = std::get_if<std::string_view>(&value)) {
        return judge_text(param, *spec, *text);
    }
    if (const auto *number = std::get_if<int64_t>(&value)) {
        const int64_t nearest =
            std::clamp(*number, spec->min.value_or(INT64_MIN), spec->max.value_or(INT64_MAX));
        if (nearest != *number) {
            return {Verdict::adapted, nearest, "the nearest that this model takes"};
        }
    }
    return {};
}

}  // namespace

tl::expected<Fitted, ApiError> fit(const Params &asked, const ModelSpec &model, FitMode mode) {
    Fitted fitted{asked, {}};
    for (const Field &field : fields()) {
        const Param param = field.param;
        const auto &spec = (*model.parameters)[param];
        if (!asked.has(param)) {
            continue;
        }
        if (!spec && is_for_the_gateway(param)) {
            fitted.params.clear(param);
            continue;
        }
        Verdict verdict = judge(param, spec, asked[param]);
        // A preview without a stream is nothing that a model could be asked for.
        if (param == Param::partial_images && asked.integer(param, 0) == 0) {
            fitted.params.clear(param);
            continue;
        }
        if (verdict.what == Verdict::as_it_is) {
            continue;
        }
        if (verdict.what == Verdict::impossible || mode == FitMode::strict) {
            return tl::unexpected(ApiError::of(
                400,
                verdict.what == Verdict::left_out && !spec ? "unsupported_parameter"
                                                           : "invalid_value",
                std::string(field.name) + " cannot be sent as asked: " + verdict.reason + ".",
                std::string(field.name)));
        }
        fitted.params[param] = verdict.value;
        fitted.adjustments.push_back({std::string(field.name), to_json(asked[param]),
                                      to_json(verdict.value), std::move(verdict.reason)});
    }
    return fitted;
}

}  // namespace gateway

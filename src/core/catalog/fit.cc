#include "core/catalog/fit.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/catalog/fit_geometry.h"
#include "core/json/text.h"
#include "core/json/writer.h"
#include "core/words.h"

namespace gateway {

namespace {

// Words of one API, and the words of other APIs for the same, the nearest first.
struct Synonyms {
    Param param;
    std::string_view word;
    std::string_view instead;
};
constexpr Synonyms kSynonyms[] = {
    {Param::quality, "standard", "medium auto"},
    {Param::quality, "hd", "high"},
    {Param::quality, "low", "standard"},
    {Param::quality, "medium", "standard"},
    {Param::quality, "high", "hd"},
    {Param::quality, "xhigh", "high hd"},
    {Param::quality, "max", "xhigh high hd"},
};

bool offers(const ParamSpec &spec, std::string_view word) {
    return spec.choices.empty() ||
           std::find(spec.choices.begin(), spec.choices.end(), word) != spec.choices.end();
}

// The model's own word for a value. It lives as long as the row.
std::string_view word_for(Param param, const ParamSpec &spec, std::string_view word) {
    const auto alias = spec.aliases.find(word);
    if (alias != spec.aliases.end()) {
        return alias->second;
    }
    for (const Synonyms &row : kSynonyms) {
        if (row.param != param || row.word != word) {
            continue;
        }
        std::string_view rest = row.instead;
        while (!rest.empty()) {
            const size_t end = rest.find(' ');
            const auto choice =
                std::find(spec.choices.begin(), spec.choices.end(), rest.substr(0, end));
            if (choice != spec.choices.end()) {
                return *choice;
            }
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
    }
    return {};
}

std::string joined(const std::vector<std::string> &words) {
    std::string text;
    for (const std::string &word : words) {
        text += (text.empty() ? "" : ", ") + word;
    }
    return text;
}

ParamValue clamped(const ParamSpec &spec, const ParamValue &value) {
    const auto bound = [&](double number) {
        const double above = std::max(number, spec.min.value_or(number));
        return std::min(above, spec.max.value_or(above));
    };
    if (const auto *integer = std::get_if<int64_t>(&value)) {
        // Compares as doubles, but returns the exact value if nothing changes.
        const double nearest = bound(static_cast<double>(*integer));
        return nearest == static_cast<double>(*integer) ? value : ParamValue(std::llround(nearest));
    }
    if (const auto *number = std::get_if<double>(&value)) {
        return bound(*number);
    }
    return value;
}

// A PNG is lossless, so output_compression does not apply to it.
bool is_lossy(const Params &params) {
    const std::string_view format = params.text(Param::output_format);
    return format == "jpeg" || format == "webp";
}

class Fitter {
 public:
    Fitter(const Params &requested, const ModelSpec &model, FitMode mode, Operation operation,
           bool has_mask)
        : requested_(requested),
          model_(model),
          mode_(mode),
          operation_(operation),
          has_mask_(has_mask) {
        fitted_.params = requested;
    }

    tl::expected<Fitted, ApiError> fit() && {
        if (!model_.can(operation_)) {
            return tl::unexpected(ApiError::of(400, "unsupported_operation",
                                               std::string(cannot(operation_)), "model"));
        }
        fit_stream();
        fit_shape();
        for (const Param param : all_params()) {
            if (requested_.has(param) && !is_settled(param)) {
                fit_one(param);
            }
        }
        fit_count();
        check_prompt();
        if (problem_) {
            return tl::unexpected(std::move(*problem_));
        }
        return std::move(fitted_);
    }

 private:
    static std::string_view cannot(Operation operation) {
        switch (operation) {
            case Operation::edit: return "This model cannot edit images.";
            case Operation::variation: return "This model cannot make variations of an image.";
            default: return "This model cannot make images from a prompt only.";
        }
    }

    // Whether a parameter is handled by a separate function or by the gateway itself.
    static bool is_settled(Param param) {
        switch (param) {
            case Param::prompt:
            case Param::n:
            case Param::size:
            case Param::aspect_ratio:
            case Param::resolution:
            case Param::stream:
            case Param::partial_images: return true;
            default: return false;
        }
    }

    // Whether the model takes a parameter, but not for this operation.
    [[nodiscard]] bool is_excluded(Param param) const {
        const auto index = static_cast<size_t>(param);
        const InputSpec &inputs = model_.inputs;
        switch (operation_) {
            case Operation::edit:
                return inputs.excludes.test(index) ||
                       (has_mask_ && inputs.mask_excludes.test(index));
            case Operation::variation: return inputs.variation_excludes.test(index);
            default: return param == Param::strength || param == Param::input_fidelity;
        }
    }
    void leave_out_excluded(Param param) {
        leave_out(param, !model_[param]                      ? "this model has no such parameter"
                         : operation_ == Operation::generate ? "only for input images"
                         : operation_ == Operation::variation
                             ? "this model does not take it for variations"
                         : model_.inputs.excludes.test(static_cast<size_t>(param))
                             ? "this model takes it only without input images"
                             : "this model takes it only without a mask");
    }

    // Sends another value than requested and lists it; with strict fitting, refuses the request.
    void adjust(Param param, ParamValue sent, std::string shown, std::string reason) {
        fitted_.params[param] = sent;
        if (requested_.is_default(param)) {
            return;
        }
        const std::string name(name_of(param));
        // "auto" leaves the choice to the model, so strict fitting accepts that it is left out.
        const bool left_open = requested_.text(param) == "auto" && sent.index() == 0;
        if (mode_ == FitMode::strict && !left_open && !problem_) {
            const bool unknown = !model_[param] && sent.index() == 0;
            problem_ = ApiError::of(400, unknown ? "unsupported_parameter" : "invalid_value",
                                    name + " cannot be sent as requested: " + reason + ".", name);
        }
        fitted_.adjustments.push_back(
            {name, to_json(requested_[param]), std::move(shown), std::move(reason)});
    }
    void adjust(Param param, ParamValue sent, std::string reason) {
        std::string shown = to_json(sent);
        adjust(param, sent, std::move(shown), std::move(reason));
    }
    void leave_out(Param param, std::string reason) { adjust(param, {}, std::move(reason)); }

    // If a model cannot stream, the gateway creates the stream. Previews exist only in streams.
    void fit_stream() {
        const bool wanted = requested_[Param::stream] == ParamValue(true);
        const bool streams = wanted && model_.can(Operation::stream);
        if (!streams) {
            fitted_.params.clear(Param::stream);
        }
        if (requested_.integer(Param::partial_images, 0) == 0) {
            fitted_.params.clear(Param::partial_images);
        } else if (streams && model_[Param::partial_images]) {
            fit_one(Param::partial_images);
        } else {
            leave_out(Param::partial_images,
                      wanted ? "this model has no previews" : "only for streams");
        }
    }

    void fit_shape() {
        if (!requested_.has(Param::size) && !requested_.has(Param::aspect_ratio) &&
            !requested_.has(Param::resolution)) {
            return;
        }
        if (is_excluded(Param::size)) {
            for (const Param param : {Param::size, Param::aspect_ratio, Param::resolution}) {
                if (requested_.has(param)) {
                    leave_out_excluded(param);
                }
            }
            return;
        }
        // A default size does not apply if the client wrote a ratio or a tier.
        Params wish = requested_;
        if (requested_.is_default(Param::size) && (requested_.is_requested(Param::aspect_ratio) ||
                                                   requested_.is_requested(Param::resolution))) {
            wish.clear(Param::size);
            fitted_.params.clear(Param::size);
        }
        FittedShape shape = gateway::fit_shape(wish, model_);
        const std::pair<Param, std::string *> parts[] = {{Param::size, &shape.size},
                                                         {Param::aspect_ratio, &shape.ratio},
                                                         {Param::resolution, &shape.tier}};
        JsonWriter all;
        all.open_object();
        for (const auto &[param, text] : parts) {
            if (!text->empty()) {
                all.key(name_of(param)).string(*text);
            }
        }
        const std::string sent = std::move(all.close_object()).finish_text();
        for (const auto &[param, text] : parts) {
            const std::string_view wished = wish.text(param);
            if (*text == wished || is_same(param, *text, wished)) {
                if (!text->empty() && *text != wished) {
                    fitted_.params[param] = fitted_.keep(std::move(*text));
                }
                continue;
            }
            if (wish.has(param)) {
                list_shape(param, std::move(*text), sent, shape.reason);
            } else {
                fitted_.params[param] = fitted_.keep(std::move(*text));
            }
        }
    }

    // Whether two values are equal in another spelling: 2k and 2K.
    static bool is_same(Param param, std::string_view a, std::string_view b) {
        if (param == Param::aspect_ratio) {
            const auto one = parse_ratio(a);
            const auto other = parse_ratio(b);
            return one && other && one->width * other->height == other->width * one->height;
        }
        const auto one = parse_resolution(a);
        return param == Param::resolution && one && one == parse_resolution(b);
    }

    void list_shape(Param param, std::string text, const std::string &all,
                    const std::string &reason) {
        if (!text.empty()) {
            adjust(param, fitted_.keep(std::move(text)), reason);
        } else if (all != "{}") {
            adjust(param, {}, all, reason);
        } else if (model_[param]) {
            leave_out(param, reason);
        } else {
            leave_out(param, "this model has no such parameter");
        }
    }

    void fit_one(Param param) {
        const auto &spec = model_[param];
        if (!spec) {
            // The gateway itself brings images into the requested form.
            param == Param::response_format ? fitted_.params.clear(param)
                                            : leave_out(param, "this model has no such parameter");
            return;
        }
        if (is_excluded(param)) {
            leave_out_excluded(param);
            return;
        }
        if (!spec->fold.empty()) {
            requested_.is_requested(param) ? fold(param, spec->fold) : fitted_.params.clear(param);
            return;
        }
        if (param == Param::output_compression && !is_lossy(fitted_.params)) {
            leave_out(param, "only for jpeg and webp");
            return;
        }
        const ParamValue &value = requested_[param];
        if (const auto *text = std::get_if<std::string_view>(&value)) {
            fit_text(param, *spec, *text);
            return;
        }
        const ParamValue nearest = clamped(*spec, value);
        if (nearest != value) {
            adjust(param, nearest, "the nearest value that this model accepts");
        }
    }

    void fit_text(Param param, const ParamSpec &spec, std::string_view text) {
        if (spec.max_length && static_cast<int64_t>(count_characters(text)) > *spec.max_length) {
            refuse_length(param, *spec.max_length);
        } else if (!offers(spec, text)) {
            const std::string_view word = word_for(param, spec, text);
            word.empty() ? leave_out(param, "this model accepts only " + joined(spec.choices))
                         : adjust(param, word, "this model's word for it");
        }
    }

    // Appends the value to the prompt, for parameters that a model does not have. Operators can
    // configure this.
    void fold(Param param, std::string_view sentence) {
        const ParamValue &value = requested_[param];
        const auto *text = std::get_if<std::string_view>(&value);
        std::string told(fitted_.params.text(Param::prompt));
        const size_t place = sentence.find("{}");
        told.append("\n").append(sentence.substr(0, place));
        told.append(text == nullptr ? to_json(value) : std::string(*text));
        told.append(sentence.substr(place + 2));
        fitted_.params[Param::prompt] = fitted_.keep(std::move(told));
        adjust(param, {}, R"({"prompt":"…"})",
               "appended to the prompt, as the operator configured");
    }

    void fit_count() {
        int64_t left = requested_.integer(Param::n, 1);
        const auto &spec = model_[Param::n];
        const auto max =
            static_cast<int64_t>(spec ? spec->max.value_or(static_cast<double>(left)) : 1);
        for (; left > 0; left -= max) {
            fitted_.calls.push_back(std::min(left, max));
        }
        if (!spec) {
            fitted_.params.clear(Param::n);
        }
    }

    void check_prompt() {
        const auto &spec = model_[Param::prompt];
        const bool may_lack =
            operation_ == Operation::variation || !spec || !model_.inputs.needs_prompt;
        if (operation_ != Operation::generate && !may_lack && !requested_.has(Param::prompt)) {
            problem_ = ApiError::of(400, "missing_required_parameter",
                                    "Missing required parameter: 'prompt'. This model needs one.",
                                    "prompt");
        }
        if (operation_ != Operation::generate && requested_.has(Param::prompt)) {
            if (!spec) {
                leave_out(Param::prompt, "this model takes no prompt");
            } else if (is_excluded(Param::prompt)) {
                leave_out_excluded(Param::prompt);
            }
        }
        const std::string_view prompt = fitted_.params.text(Param::prompt);
        if (spec && spec->max_length && static_cast<int64_t>(prompt.size()) > *spec->max_length &&
            static_cast<int64_t>(count_characters(prompt)) > *spec->max_length) {
            refuse_length(Param::prompt, *spec->max_length);
        }
    }

    void refuse_length(Param param, int64_t max) {
        const std::string name(name_of(param));
        problem_ = ApiError::of(400, "string_above_max_length",
                                name + " is too long: this model accepts at most " +
                                    std::to_string(max) + " characters.",
                                name);
    }

    const Params &requested_;
    const ModelSpec &model_;
    FitMode mode_;
    Operation operation_;
    bool has_mask_;
    Fitted fitted_;
    std::optional<ApiError> problem_;
};

}  // namespace

tl::expected<Fitted, ApiError> fit(const Params &requested, const ModelSpec &model, FitMode mode,
                                   Operation operation, bool has_mask) {
    return Fitter(requested, model, mode, operation, has_mask).fit();
}

}  // namespace gateway

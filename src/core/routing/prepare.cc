#include "core/routing/prepare.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "core/catalog/fit_mask_mode.h"
#include "core/request/decode.h"
#include "core/routing/file_ids.h"

namespace gateway {

namespace {

// The seed of a later call, so that its images differ from those of the first. Models that make
// several images in one call count the seed up, too. After the last seed of the model's range comes
// the first.
int64_t counted_up(int64_t seed, int64_t by, const std::optional<ParamSpec> &spec) {
    const double max = spec ? spec->max.value_or(9e15) : 9e15;
    const auto last = static_cast<int64_t>(std::clamp(max, -9e15, 9e15));
    if (seed <= last - by) {
        return seed + by;
    }
    const auto first = static_cast<int64_t>(spec ? std::max(0.0, spec->min.value_or(0)) : 0);
    return std::min(last, first + by - (std::max(last, seed) - seed) - 1);
}

// Divides the images among several calls if the model cannot make all in one.
void share_among_calls(Prepared &prepared) {
    Fitted &fitted = prepared.fitted;
    const bool several = fitted.calls.size() > 1;
    const bool has_seed = several && fitted.params.has(Param::seed);
    int64_t first = 0;
    for (const int64_t images : fitted.calls) {
        CallShare &call = prepared.calls.emplace_back(CallShare{fitted.params, first, images});
        if (call.params.has(Param::n)) {
            call.params[Param::n] = images;
        }
        if (has_seed) {
            call.params[Param::seed] = counted_up(fitted.params.integer(Param::seed, 0), first,
                                                  (*prepared.spec)[Param::seed]);
        }
        first += images;
    }
    if (has_seed) {
        const CallShare &last = prepared.calls.back();
        fitted.adjustments.push_back({"seed", to_json(fitted.params[Param::seed]),
                                      to_json(last.params[Param::seed]),
                                      "these images need " + std::to_string(prepared.calls.size()) +
                                          " calls, and the seed is counted up from call to call"});
    }
}

// The end user is not a parameter of the caller's request. So there is no adjustment if the model
// does not accept it.
void add_end_user(Prepared &prepared, std::string_view on_behalf_of) {
    Params &params = prepared.fitted.params;
    if ((*prepared.spec)[Param::user] && !params.has(Param::user) && !on_behalf_of.empty()) {
        params[Param::user] = on_behalf_of;
    }
}

void choose_passed(Prepared &prepared, const std::vector<JsonValue> &fields,
                   const Dialect &dialect) {
    for (const JsonValue field : fields) {
        if (!dialect.written_fields().contains(field.key())) {
            prepared.passed.push_back(field);
        } else {
            prepared.fitted.adjustments.push_back(
                not_passed(field, "the provider's API has no such field"));
        }
    }
}

// What the model is asked to do. A model that can only edit makes variations by an edit, if the
// alias says so. One without a prompt could not be told what to do.
Operation operation_for(const ModelSpec &model, const Preparation &preparation) {
    const Operation operation = preparation.request.operation;
    const bool by_edit = operation == Operation::variation && preparation.varies_by_edits &&
                         preparation.mode == FitMode::adapt && !model.can(operation) &&
                         model.can(Operation::edit) && model[Param::prompt];
    return by_edit ? Operation::edit : operation;
}

constexpr std::string_view kVariationPrompt =
    "Create a variation of this image. Keep its subject, style and mood, and change details.";

// The parameters of a variation that is made by an edit.
Params params_of_edit(const ImageRequest &request) {
    Params params = request.params;
    if (!params.has(Param::prompt)) {
        params[Param::prompt] = kVariationPrompt;
    }
    return params;
}

void note_operation(Prepared &prepared, Operation operation, const ImageRequest &request) {
    if (operation != request.operation) {
        prepared.fitted.adjustments.push_back(
            {"prompt", to_json(request.params[Param::prompt]),
             to_json(prepared.fitted.params[Param::prompt]),
             "this model makes no variations, so it edits the image with this prompt"});
    }
}

// Adds the input images in the form that the model takes.
tl::expected<void, ApiError> add_inputs(Prepared &prepared, const Preparation &preparation,
                                        Operation operation, const Candidate &candidate) {
    if (operation == Operation::generate) {
        return {};
    }
    if (!candidate.provider->dialect->takes_images()) {
        return tl::unexpected(ApiError::of(400, "unsupported_operation",
                                           "The gateway sends no input images to this provider.",
                                           "model"));
    }
    if (auto refused = refuse_file_ids(candidate, *preparation.inputs)) {
        return tl::unexpected(std::move(*refused));
    }
    auto fitted = fit_inputs(*preparation.inputs, *prepared.spec, preparation.mode);
    if (!fitted) {
        return tl::unexpected(std::move(fitted.error()));
    }
    prepared.inputs = {operation, preparation.inputs->images, fitted->mask, &prepared.spec->inputs};
    for (const InputImage &image : preparation.inputs->images) {
        if (image.has_content()) {
            prepared.input_sizes.push_back(stored_size(image.facts));
        }
    }
    prepared.fitted.adjustments.insert(prepared.fitted.adjustments.end(),
                                       std::make_move_iterator(fitted->adjustments.begin()),
                                       std::make_move_iterator(fitted->adjustments.end()));
    return {};
}

tl::expected<void, ApiError> add_mask_mode(Prepared &prepared, const Preparation &preparation) {
    auto fitted = fit_mask_mode(preparation.request, preparation.inputs, prepared.fitted.params,
                                preparation.mode);
    if (!fitted) {
        return tl::unexpected(std::move(fitted.error()));
    }
    prepared.exact_feather = fitted->exact_feather;
    for (Adjustment &adjustment : fitted->adjustments) {
        prepared.fitted.adjustments.push_back(std::move(adjustment));
    }
    return {};
}

// Adds an adjustment if the model is not in the catalogue or is past its shutdown date.
void note_model(Prepared &prepared, const Candidate &candidate, const Preparation &preparation) {
    std::string reason;
    if (prepared.spec->is_last_resort()) {
        reason =
            "the catalogue does not list this model: the request has what its api usually accepts";
    } else if (prepared.spec->is_shut_down(preparation.now)) {
        reason = "according to the catalogue, this model " + prepared.spec->how_shut_down();
    } else {
        return;
    }
    prepared.fitted.adjustments.push_back({"model", to_json(preparation.requested_model),
                                           to_json(std::string_view(candidate.model)),
                                           std::move(reason)});
}

}  // namespace

std::optional<MicroUsd> Prepared::max_cost() const {
    if (known_max_cost) {
        return *known_max_cost;
    }
    std::optional<MicroUsd> sum = 0;
    for (const CallShare &call : calls) {
        const auto max = upper_bound(priced(call), *spec);
        sum = sum && max ? std::optional(*sum + *max) : std::nullopt;
    }
    known_max_cost = sum;
    return sum;
}

tl::expected<Prepared, ApiError> prepare(const Candidate &candidate,
                                         const Preparation &preparation) {
    Prepared prepared;
    prepared.spec = spec_of(preparation.catalogue, candidate);
    if (prepared.spec == nullptr) {
        // ModelMap::check() has ensured that there is a row. This must not crash if there is none.
        return tl::unexpected(ApiError::of(
            404, "model_not_found",
            "The catalogue has no row for the model '" + candidate.name() + "'.", "model"));
    }
    const Operation operation = operation_for(*prepared.spec, preparation);
    const ImageRequest &request = preparation.request;
    std::optional<Params> own;
    if (operation != request.operation) {
        own = params_of_edit(request);
    }
    auto fitted = fit(own ? *own : request.params, *prepared.spec, preparation.mode, operation,
                      preparation.inputs != nullptr && preparation.inputs->mask);
    if (!fitted) {
        return tl::unexpected(std::move(fitted.error()));
    }
    prepared.fitted = std::move(*fitted);
    note_operation(prepared, operation, preparation.request);
    if (auto added = add_inputs(prepared, preparation, operation, candidate); !added) {
        return tl::unexpected(std::move(added.error()));
    }
    if (auto added = add_mask_mode(prepared, preparation); !added) {
        return tl::unexpected(std::move(added.error()));
    }
    add_end_user(prepared, preparation.on_behalf_of);
    share_among_calls(prepared);
    choose_passed(prepared, preparation.request.passed, *candidate.provider->dialect);
    note_model(prepared, candidate, preparation);
    return prepared;
}

}  // namespace gateway

#include "core/routing/prepare.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/request/decode.h"

namespace gateway {

namespace {

// As a model that makes several images together does: else all of them would be the same. Behind
// the end of the model's range its beginning follows.
int64_t counted_up(int64_t seed, int64_t by, const std::optional<ParamSpec> &spec) {
    const double max = spec ? spec->max.value_or(9e15) : 9e15;
    const auto last = static_cast<int64_t>(std::clamp(max, -9e15, 9e15));
    if (seed <= last - by) {
        return seed + by;
    }
    const auto first = static_cast<int64_t>(spec ? std::max(0.0, spec->min.value_or(0)) : 0);
    return std::min(last, first + by - (std::max(last, seed) - seed) - 1);
}

// More images than a model makes at a time take several calls.
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
        fitted.adjustments.push_back(
            {"seed", to_json(fitted.params[Param::seed]), to_json(last.params[Param::seed]),
             "each of the " + std::to_string(prepared.calls.size()) +
                 " calls that make these images has its own seed, counted up"});
    }
}

// No parameter of the caller's: passed on where it can be, and nothing to list where it cannot.
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
                not_passed(field, "this provider's api has no such field"));
        }
    }
}

// What the caller should know about the model itself.
void note_model(Prepared &prepared, const Candidate &candidate, const Preparation &preparation) {
    std::string reason;
    if (prepared.spec->is_last_resort()) {
        reason = "not in the catalogue: sent what its api usually takes";
    } else if (prepared.spec->is_shut_down(preparation.now)) {
        reason = "this model " + prepared.spec->how_shut_down() + ", says the catalogue";
    } else {
        return;
    }
    prepared.fitted.adjustments.push_back({"model", to_json(preparation.requested_model),
                                           to_json(std::string_view(candidate.model)),
                                           std::move(reason)});
}

}  // namespace

tl::expected<Prepared, ApiError> prepare(const Candidate &candidate,
                                         const Preparation &preparation) {
    Prepared prepared;
    prepared.spec = spec_of(preparation.catalogue, candidate);
    if (prepared.spec == nullptr) {
        // ModelMap::check() has seen that there is one; but nobody must crash if not.
        return tl::unexpected(ApiError::of(
            404, "model_not_found",
            "The catalogue does not know the model '" + candidate.name() + "'.", "model"));
    }
    const Params &asked = preparation.request.params;
    auto fitted = fit(asked, *prepared.spec, preparation.mode);
    if (!fitted) {
        return tl::unexpected(std::move(fitted.error()));
    }
    prepared.fitted = std::move(*fitted);
    add_end_user(prepared, preparation.on_behalf_of);
    share_among_calls(prepared);
    choose_passed(prepared, preparation.request.passed, *candidate.provider->dialect);
    note_model(prepared, candidate, preparation);
    return prepared;
}

}  // namespace gateway

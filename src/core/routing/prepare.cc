#include "core/routing/prepare.h"

#include <string>
#include <utility>

#include "core/request/decode.h"

namespace gateway {

namespace {

// More images than a model makes at a time would take several calls, and so far there is one.
tl::expected<void, ApiError> limit_to_one_call(Fitted &fitted, const Params &asked, FitMode mode) {
    if (fitted.calls.size() == 1) {
        return {};
    }
    const int64_t most = fitted.calls.front();
    const std::string reason = "this model makes at most " + std::to_string(most) + " at a time";
    if (mode == FitMode::strict) {
        return tl::unexpected(
            ApiError::of(400, "invalid_value", "n cannot be sent as asked: " + reason + ".", "n"));
    }
    if (fitted.params.has(Param::n)) {
        fitted.params[Param::n] = most;
    }
    fitted.adjustments.push_back({"n", to_json(asked[Param::n]), std::to_string(most), reason});
    return {};
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
        if (dialect.passes(field.key())) {
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
    prepared.fitted.adjustments.push_back({"model", to_json(preparation.model_asked),
                                           to_json(std::string_view(candidate.model)),
                                           std::move(reason)});
}

}  // namespace

tl::expected<Prepared, ApiError> prepare(const Candidate &candidate,
                                         const Preparation &preparation) {
    Prepared prepared;
    prepared.spec = spec_of(preparation.catalogue, candidate);
    const Params &asked = preparation.request.params;
    auto fitted = fit(asked, *prepared.spec, preparation.mode);
    if (!fitted) {
        return tl::unexpected(std::move(fitted.error()));
    }
    prepared.fitted = std::move(*fitted);
    if (auto limited = limit_to_one_call(prepared.fitted, asked, preparation.mode); !limited) {
        return tl::unexpected(std::move(limited.error()));
    }
    add_end_user(prepared, preparation.on_behalf_of);
    choose_passed(prepared, preparation.request.passed, *candidate.provider->dialect);
    note_model(prepared, candidate, preparation);
    return prepared;
}

}  // namespace gateway

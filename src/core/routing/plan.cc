#include "core/routing/plan.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

class Planner {
 public:
    Planner(const ModelMap &models, const Caller &caller, Random &random)
        : models_(models), caller_(caller), random_(random) {}

    // A key that may use an alias may use all its members. Other keys may use the members that
    // match their patterns. `granted`: the operator wrote the name, so the key may use it.
    tl::expected<void, ApiError> add(std::string_view name, std::string_view param, bool granted) {
        auto resolved = models_.resolve(name, random_);
        if (!resolved) {
            resolved.error().param = param;
            if (param != "model") {
                resolved.error().status = 400;
            }
            return tl::unexpected(std::move(resolved.error()));
        }
        const bool all = granted || caller_.may_use(name);
        bool any = false;
        for (Candidate &candidate : *resolved) {
            if (all || may_use(caller_, candidate)) {
                any = true;
                add_once(std::move(candidate));
            }
        }
        if (!any) {
            return tl::unexpected(ApiError::of(
                403, "model_not_allowed",
                "This key may not use the model '" + std::string(name) + "'.", std::string(param)));
        }
        return {};
    }

    [[nodiscard]] size_t count() const { return candidates_.size(); }
    std::vector<Candidate> candidates() && { return std::move(candidates_); }

 private:
    void add_once(Candidate candidate) {
        const bool known =
            std::any_of(candidates_.begin(), candidates_.end(),
                        [&](const Candidate &other) { return other.is_same(candidate); });
        if (!known) {
            candidates_.push_back(std::move(candidate));
        }
    }

    const ModelMap &models_;
    const Caller &caller_;
    Random &random_;
    std::vector<Candidate> candidates_;
};

}  // namespace

void Plan::resume(Candidate candidate, Prepared prepared) {
    candidates.push_back(std::move(candidate));
    prepared_.emplace_back() = tl::expected<Prepared, ApiError>(std::move(prepared));
}

const tl::expected<Prepared, ApiError> &Plan::prepared(size_t index,
                                                       const Preparation &preparation) {
    prepared_.resize(candidates.size());
    auto &prepared = prepared_[index];
    if (!prepared) {
        prepared.emplace(prepare(candidates[index], preparation));
    }
    return *prepared;
}

bool may_use(const Caller &caller, const Candidate &candidate) {
    const Provider &provider = *candidate.provider;
    const bool any_case = provider.dialect->ignores_case();
    return caller.may_use(candidate.name(), any_case ? provider.name.size() : std::string::npos);
}

tl::expected<Plan, ApiError> make_plan(const ModelMap &models, const Caller &caller,
                                       std::string_view model,
                                       const std::vector<std::string> &fallbacks, Random &random) {
    Planner planner(models, caller, random);
    if (auto added = planner.add(model, "model", false); !added) {
        return tl::unexpected(std::move(added.error()));
    }
    const size_t requested = planner.count();
    for (size_t i = 0; i < fallbacks.size(); ++i) {
        const std::string param = "fallbacks[" + std::to_string(i) + "]";
        if (auto added = planner.add(fallbacks[i], param, false); !added) {
            return tl::unexpected(std::move(added.error()));
        }
    }
    if (caller.key != nullptr) {
        for (const std::string &fallback : caller.key->fallbacks) {
            // The operator wrote this list. If a model is no longer configured, it is not the
            // caller's mistake.
            (void)planner.add(fallback, "model", true);
        }
    }
    Plan plan;
    plan.candidates = std::move(planner).candidates();
    plan.requested = requested;
    if (const Alias *alias = models.alias(model)) {
        plan.choice = alias->choice;
        plan.varies_by_edits = alias->varies_by_edits;
    }
    return plan;
}

void put_variations_first(Plan &plan, const Catalogue &catalogue) {
    std::stable_partition(plan.candidates.begin(), plan.candidates.end(),
                          [&](const Candidate &candidate) {
                              const ModelSpec *spec = spec_of(catalogue, candidate);
                              return spec != nullptr && spec->can(Operation::variation);
                          });
}

}  // namespace gateway

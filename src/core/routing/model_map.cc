#include "core/routing/model_map.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/glob.h"

namespace gateway {

bool Candidate::is_same(const Candidate &other) const {
    return provider == other.provider &&
           (model == other.model ||
            (provider->dialect->ignores_case() && equal_in_any_case(model, other.model)));
}

void ModelMap::add(std::unique_ptr<Provider> provider) {
    provider->finish();
    providers_.push_back(std::move(provider));
}

bool ModelMap::add(Alias alias) {
    std::string name = alias.name;
    for (const Alias::Member &member : alias.members) {
        note_configured(member.model);
    }
    return aliases_.emplace(std::move(name), std::move(alias)).second;
}

void ModelMap::note_configured(std::string name) {
    if (std::find(configured_.begin(), configured_.end(), name) == configured_.end()) {
        configured_.push_back(std::move(name));
    }
}

const Provider *ModelMap::provider(std::string_view name) const {
    const auto found = std::find_if(providers_.begin(), providers_.end(),
                                    [=](const auto &provider) { return provider->name == name; });
    return found == providers_.end() ? nullptr : found->get();
}

const Alias *ModelMap::alias(std::string_view name) const {
    const auto found = aliases_.find(name);
    return found == aliases_.end() ? nullptr : &found->second;
}

bool ModelMap::knows(const Catalogue &catalogue, std::string_view name) const {
    std::vector<Candidate> candidates;
    return alias(name) != nullptr || resolve_one(catalogue, name, candidates);
}

tl::expected<void, std::string> ModelMap::check(const Catalogue &catalogue) const {
    for (const auto &provider : providers_) {
        const std::string_view api = provider->dialect->name();
        // So that spec_of() finds a row for any model of a configured provider.
        if (catalogue.find(provider->name, api, "*") == nullptr) {
            return tl::unexpected("the catalogue has no row \"*\" for the api \"" +
                                  std::string(api) + "\"");
        }
    }
    for (const auto &[name, alias] : aliases_) {
        std::vector<const Alias *> path;
        if (auto checked = check_alias(catalogue, alias, path); !checked) {
            return checked;
        }
    }
    for (const std::string &name : required_) {
        if (!knows(catalogue, name)) {
            return tl::unexpected("image_gateway_default_model \"" + name +
                                  "\" is neither an alias nor a model of a configured provider");
        }
    }
    return {};
}

tl::expected<void, std::string> ModelMap::check_alias(const Catalogue &catalogue,
                                                      const Alias &alias,
                                                      std::vector<const Alias *> &path) const {
    if (std::find(path.begin(), path.end(), &alias) != path.end()) {
        std::string loop;
        for (const Alias *step : path) {
            loop += step->name + " -> ";
        }
        return tl::unexpected("model aliases form a loop: " + loop + alias.name);
    }
    path.push_back(&alias);
    for (const Alias::Member &member : alias.members) {
        if (const Alias *inner = this->alias(member.model)) {
            if (auto checked = check_alias(catalogue, *inner, path); !checked) {
                return checked;
            }
            continue;
        }
        if (!knows(catalogue, member.model)) {
            return tl::unexpected(
                "alias \"" + alias.name + "\" names \"" + member.model +
                "\", which is neither an alias nor a model of a configured provider");
        }
    }
    path.pop_back();
    return {};
}

bool ModelMap::resolve_one(const Catalogue &catalogue, std::string_view name,
                           std::vector<Candidate> &into) const {
    for (const char separator : {'/', ':'}) {
        const size_t end = name.find(separator);
        if (end == std::string_view::npos) {
            continue;
        }
        const Provider *provider = this->provider(name.substr(0, end));
        if (provider != nullptr && end + 1 < name.size()) {
            const std::string_view model = name.substr(end + 1);
            into.push_back({provider, std::string(model), is_configured(*provider, model)});
            return true;
        }
    }
    for (const auto &provider : providers_) {
        const Dialect &dialect = *provider->dialect;
        if (catalogue.lists(provider->name, dialect.name(), name, dialect.ignores_case())) {
            into.push_back({provider.get(), std::string(name), is_configured(*provider, name)});
            return true;
        }
    }
    return false;
}

// Whether the configuration names the model: as "provider/model", "provider:model" or a bare name.
bool ModelMap::is_configured(const Provider &provider, std::string_view model) const {
    const bool any_case = provider.dialect->ignores_case();
    const auto is_model = [=](std::string_view name) {
        return any_case ? equal_in_any_case(name, model) : name == model;
    };
    const size_t end = provider.name.size();
    return std::any_of(configured_.begin(), configured_.end(), [&](std::string_view name) {
        const bool is_full = name.size() == end + 1 + model.size() &&
                             name.starts_with(provider.name) &&
                             (name[end] == '/' || name[end] == ':');
        return is_model(is_full ? name.substr(end + 1) : name);
    });
}

void ModelMap::expand(const Alias &alias, Random &random, std::vector<Candidate> &into) const {
    std::vector<int> weights;
    for (const Alias::Member &member : alias.members) {
        weights.push_back(member.weight);
    }
    std::vector<size_t> order(alias.members.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (alias.mode == AliasMode::weighted) {
        order = weighted_order(weights, random);
    }
    for (const size_t index : order) {
        const std::string &model = alias.members[index].model;
        if (const Alias *inner = this->alias(model)) {
            expand(*inner, random, into);
        } else {
            (void)resolve_one(*catalogue_, model, into);  // check() has ensured that it succeeds
        }
    }
}

tl::expected<std::vector<Candidate>, ApiError> ModelMap::resolve(std::string_view name,
                                                                 Random &random) const {
    std::vector<Candidate> candidates;
    if (const Alias *found = alias(name)) {
        expand(*found, random, candidates);
    } else if (!resolve_one(*catalogue_, name, candidates)) {
        return tl::unexpected(ApiError::of(
            404, "model_not_found",
            "This gateway has no model or alias '" + std::string(name) + "'.", "model"));
    }
    return candidates;
}

std::optional<std::string> ModelMap::listed(const Provider &provider,
                                            std::string_view model) const {
    const Dialect &dialect = *provider.dialect;
    const bool any_case = dialect.ignores_case();
    const ModelSpec *spec = catalogue_->find(provider.name, dialect.name(), model, any_case);
    if (spec != nullptr && !spec->is_last_resort() && spec->lists(model, any_case)) {
        const std::string_view pattern = spec->pattern;
        return std::string(pattern.substr(0, pattern.find('*')));
    }
    for (std::string &configured : configured_models(provider)) {
        if (any_case ? equal_in_any_case(configured, model) : configured == model) {
            return std::move(configured);
        }
    }
    return std::nullopt;
}

std::optional<std::string> ModelMap::listed(std::string_view name) const {
    if (alias(name) != nullptr) {
        return std::string(name);
    }
    std::vector<Candidate> candidates;
    if (!resolve_one(*catalogue_, name, candidates)) {
        return std::nullopt;
    }
    const Provider &provider = *candidates.front().provider;
    auto model = listed(provider, candidates.front().model);
    return model ? std::optional(provider.name + "/" + *model) : std::nullopt;
}

// A bare name belongs to each provider that the catalogue lists it for.
std::vector<std::string> ModelMap::configured_models(const Provider &provider) const {
    const Dialect &dialect = *provider.dialect;
    const size_t end = provider.name.size();
    std::vector<std::string> models;
    for (const std::string &name : configured_) {
        const bool is_full = name.size() > end + 1 && name.starts_with(provider.name) &&
                             (name[end] == '/' || name[end] == ':');
        const std::string model = is_full ? name.substr(end + 1) : name;
        const bool is_own = is_full || catalogue_->lists(provider.name, dialect.name(), model,
                                                         dialect.ignores_case());
        if (is_own && std::find(models.begin(), models.end(), model) == models.end()) {
            models.push_back(model);
        }
    }
    return models;
}

std::optional<std::string> ModelMap::shut_down(std::string_view name, int64_t unix_seconds) const {
    std::vector<Candidate> candidates;
    if (!resolve_one(*catalogue_, name, candidates)) {
        return std::nullopt;
    }
    const ModelSpec *spec = spec_of(*catalogue_, candidates.front());
    if (spec == nullptr || !spec->is_shut_down(unix_seconds)) {
        return std::nullopt;
    }
    return "according to the catalogue, the model \"" + candidates.front().name() + "\" " +
           spec->how_shut_down();
}

const ModelSpec *spec_of(const Catalogue &catalogue, const Candidate &candidate) {
    const Provider &provider = *candidate.provider;
    const Dialect &dialect = *provider.dialect;
    return catalogue.find(provider.name, dialect.name(), candidate.model, dialect.ignores_case());
}

std::vector<size_t> weighted_order(const std::vector<int> &weights, Random &random) {
    std::vector<size_t> left(weights.size());
    std::iota(left.begin(), left.end(), size_t{0});
    std::vector<size_t> order;
    int total = std::accumulate(weights.begin(), weights.end(), 0);
    while (left.size() > 1 && total > 0) {
        uint32_t dice = 0;
        random.fill({reinterpret_cast<uint8_t *>(&dice), sizeof(dice)});
        auto at = static_cast<int>(dice % static_cast<uint32_t>(total));
        const auto chosen = std::find_if(left.begin(), left.end(),
                                         [&](size_t index) { return (at -= weights[index]) < 0; });
        order.push_back(*chosen);
        total -= weights[*chosen];
        left.erase(chosen);
    }
    order.insert(order.end(), left.begin(), left.end());
    return order;
}

}  // namespace gateway

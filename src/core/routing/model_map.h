// Resolves the name that a caller wrote to candidates, in the order in which they are tried.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/catalog/catalog.h"
#include "core/ports.h"
#include "core/providers/dialect.h"
#include "core/routing/decide.h"

namespace gateway {

// One model at one provider.
struct Candidate {
    const Provider *provider = nullptr;
    std::string model;
    bool configured = false;  // the configuration names it

    [[nodiscard]] std::string name() const { return provider->name + "/" + model; }
    // The same model, even if its name is written in another case.
    [[nodiscard]] bool is_same(const Candidate &other) const;
};

enum class AliasMode : uint8_t { ordered, weighted };

// One image_model directive.
struct Alias {
    std::string name;
    AliasMode mode = AliasMode::ordered;
    RouteChoice choice;
    bool varies_by_edits = false;  // variations by models that can only edit
    struct Member {
        std::string model;  // "provider/model", or another alias
        int weight = 1;
    };
    std::vector<Member> members;
};

class ModelMap {
 public:
    // The order matters: a bare model name belongs to the first provider that lists it.
    void add(std::unique_ptr<Provider> provider);
    // False if the name is already in use.
    bool add(Alias alias);
    // Records a model name that the configuration contains outside of an alias.
    void note_configured(std::string name);
    // The catalogue may be replaced at any time. Requests in progress keep the one they began with.
    void use(std::shared_ptr<const Catalogue> catalogue) {
        catalogue_ = std::move(catalogue);
        has_catalogue_ = true;
    }
    // The catalogue in use is outdated and the newest one is not known: no request may be served.
    void forget_catalogue() { has_catalogue_ = false; }
    [[nodiscard]] bool has_catalogue() const { return has_catalogue_; }

    [[nodiscard]] const Provider *provider(std::string_view name) const;
    [[nodiscard]] const Alias *alias(std::string_view name) const;
    [[nodiscard]] const std::shared_ptr<const Catalogue> &catalogue() const { return catalogue_; }
    [[nodiscard]] const std::map<std::string, Alias, std::less<>> &aliases() const {
        return aliases_;
    }
    [[nodiscard]] const std::vector<std::unique_ptr<Provider>> &providers() const {
        return providers_;
    }

    [[nodiscard]] bool knows(std::string_view name) const { return knows(*catalogue_, name); }

    // A name that every catalogue must resolve.
    void require(std::string model) { required_.push_back(std::move(model)); }
    // Checks a catalogue before it is used, at the start and later: every api must have a row "*",
    // all models of aliases must exist, and aliases must not form loops. May run on another thread.
    [[nodiscard]] tl::expected<void, std::string> check(const Catalogue &catalogue) const;

    // Resolves, in this order: the name of an alias; a provider before the first '/' or ':'; a bare
    // model name that the catalogue lists for a provider.
    [[nodiscard]] tl::expected<std::vector<Candidate>, ApiError> resolve(std::string_view name,
                                                                         Random &random) const;

    // The name of a model as the catalogue or the configuration spells it. Nothing if neither lists
    // it: callers may request any name.
    [[nodiscard]] std::optional<std::string> listed(const Provider &provider,
                                                    std::string_view model) const;
    // The same for a requested name: the name of an alias, or "provider/model".
    [[nodiscard]] std::optional<std::string> listed(std::string_view name) const;
    // The models of this provider that the configuration names, in order.
    [[nodiscard]] std::vector<std::string> configured_models(const Provider &provider) const;

    // A description of the shutdown if this is the name of a model that is past its shutdown date.
    [[nodiscard]] std::optional<std::string> shut_down(std::string_view name,
                                                       int64_t unix_seconds) const;

 private:
    [[nodiscard]] tl::expected<void, std::string> check_alias(
        const Catalogue &catalogue, const Alias &alias, std::vector<const Alias *> &path) const;
    [[nodiscard]] bool knows(const Catalogue &catalogue, std::string_view name) const;
    [[nodiscard]] bool resolve_one(const Catalogue &catalogue, std::string_view name,
                                   std::vector<Candidate> &into) const;
    [[nodiscard]] bool is_configured(const Provider &provider, std::string_view model) const;
    void expand(const Alias &alias, Random &random, std::vector<Candidate> &into) const;

    std::vector<std::unique_ptr<Provider>> providers_;
    std::map<std::string, Alias, std::less<>> aliases_;
    std::vector<std::string> required_;
    bool has_catalogue_ = true;
    std::vector<std::string> configured_;  // model names in the configuration
    std::shared_ptr<const Catalogue> catalogue_ = std::make_shared<const Catalogue>();
};

// Null if the catalogue has no rows for the api.
const ModelSpec *spec_of(const Catalogue &catalogue, const Candidate &candidate);

// Draws an order of entries by their weights: the first of all entries, then the next of the rest.
std::vector<size_t> weighted_order(const std::vector<int> &weights, Random &random);

}  // namespace gateway

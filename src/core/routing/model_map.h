// From the name that a caller wrote to the models that may make the image, in order.
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
    // However it is spelled.
    [[nodiscard]] bool is_same(const Candidate &other) const;
};

enum class AliasMode : uint8_t { ordered, weighted };

// An image_model directive.
struct Alias {
    std::string name;
    AliasMode mode = AliasMode::ordered;
    RouteChoice choice;
    struct Member {
        std::string model;  // "provider/model", or another alias
        int weight = 1;
    };
    std::vector<Member> members;
};

class ModelMap {
 public:
    // Order matters: a bare id goes to the first provider whose catalogue lists it.
    void add(std::unique_ptr<Provider> provider);
    // False when the name is taken.
    bool add(Alias alias);
    // A name that the configuration has for a model in another place than an alias.
    void note_configured(std::string name);
    // May be given another one at any time: who works with one keeps it.
    void use(std::shared_ptr<const Catalogue> catalogue) {
        catalogue_ = std::move(catalogue);
        has_catalogue_ = true;
    }
    // What was in use is not the newest, which is not known: nobody is to be served by it.
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

    // Names that must stay known, whatever catalogue comes.
    void require(std::string model) { required_.push_back(std::move(model)); }
    // What is wrong with this catalogue, or with the aliases together with it: an api without a row
    // "*", models that do not exist, loops. Asked before a catalogue is used, at the start and
    // later; may run on another thread.
    [[nodiscard]] tl::expected<void, std::string> check(const Catalogue &catalogue) const;

    // An exact alias; a provider before the first '/' or ':'; a bare id that a provider's catalogue
    // lists.
    [[nodiscard]] tl::expected<std::vector<Candidate>, ApiError> resolve(std::string_view name,
                                                                         Random &random) const;

    // A sentence if this is the name of a model that is past its shutdown date.
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
    std::vector<std::string> configured_;  // names of models
    std::shared_ptr<const Catalogue> catalogue_ = std::make_shared<const Catalogue>();
};

// Null for an api that the catalogue does not know.
const ModelSpec *spec_of(const Catalogue &catalogue, const Candidate &candidate);

// The order in which to try entries of these weights: the first by weight, then among the rest in
// the same way.
std::vector<size_t> weighted_order(const std::vector<int> &weights, Random &random);

}  // namespace gateway

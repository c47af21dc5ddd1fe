// From the name that a caller wrote to the models that may make the picture, in order.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/api_error.h"
#include "core/catalog/catalog.h"
#include "core/ports.h"
#include "core/providers/dialect.h"

namespace gateway {

// One model at one provider.
struct Candidate {
    const Provider *provider = nullptr;
    std::string model;
    int weight = 1;

    [[nodiscard]] std::string name() const { return provider->name + "/" + model; }
};

enum class AliasMode : uint8_t { ordered, weighted };
enum class AfterUnknown : uint8_t { fallback, fail };

// An image_model directive.
struct Alias {
    std::string name;
    AliasMode mode = AliasMode::ordered;
    AfterUnknown after_unknown = AfterUnknown::fallback;
    struct Member {
        std::string model;  // "provider/model", or another alias
        int weight = 1;
    };
    std::vector<Member> members;
};

struct Resolved {
    std::vector<Candidate> candidates;
    const Alias *alias = nullptr;
};

class ModelMap {
 public:
    // Order matters: a bare id goes to the first provider whose catalogue lists it.
    void add(std::unique_ptr<Provider> provider);
    // False when the name is taken.
    bool add(Alias alias);
    void use(Catalogue catalogue) { catalogue_ = std::move(catalogue); }

    [[nodiscard]] const Provider *provider(std::string_view name) const;
    [[nodiscard]] const Alias *alias(std::string_view name) const;
    [[nodiscard]] const Catalogue &catalogue() const { return catalogue_; }
    [[nodiscard]] const std::vector<std::unique_ptr<Provider>> &providers() const {
        return providers_;
    }

    [[nodiscard]] bool knows(std::string_view name) const;

    // What is wrong with the aliases taken together: members that do not exist, loops.
    [[nodiscard]] tl::expected<void, std::string> check() const;

    // An exact alias; a provider before the first '/' or ':'; a bare id that a provider's catalogue
    // lists.
    [[nodiscard]] tl::expected<Resolved, ApiError> resolve(std::string_view name,
                                                           Random &random) const;

 private:
    [[nodiscard]] tl::expected<void, std::string> check_alias(
        const Alias &alias, std::vector<const Alias *> &path) const;
    [[nodiscard]] bool resolve_one(std::string_view name, std::vector<Candidate> &into) const;
    void expand(const Alias &alias, Random &random, std::vector<Candidate> &into) const;

    std::vector<std::unique_ptr<Provider>> providers_;
    std::map<std::string, Alias, std::less<>> aliases_;
    Catalogue catalogue_;
};

// The order in which to try entries of these weights: the first by weight, then among the rest in
// the same way.
std::vector<size_t> weighted_order(const std::vector<int> &weights, Random &random);

}  // namespace gateway

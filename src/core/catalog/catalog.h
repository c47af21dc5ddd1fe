// The catalogue of models: what each can do and what it costs.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/catalog/model_spec.h"

namespace gateway {

class Catalogue {
 public:
    // Returns the catalogue, or a sentence about what is wrong, with the JSON path. Its rows have
    // priority over the rows of `below`.
    static tl::expected<Catalogue, std::string> read(std::string_view text,
                                                     const Catalogue *below = nullptr);
    // The text of the built-in catalogue.
    static std::string_view built_in();

    // The first row that matches, of the rows of the provider and then of its api. Null if the
    // catalogue does not know the api. `any_case`: the provider ignores case in model names.
    [[nodiscard]] const ModelSpec *find(std::string_view provider, std::string_view api,
                                        std::string_view model, bool any_case = false) const;
    // Whether a row lists the model by name, not only the row "*" of the api.
    [[nodiscard]] bool lists(std::string_view provider, std::string_view api,
                             std::string_view model, bool any_case = false) const;
    // The rows with a full model name, in order.
    [[nodiscard]] std::vector<const ModelSpec *> named(std::string_view provider,
                                                       std::string_view api) const;

    using Rows = std::map<std::string, std::vector<ModelSpec>, std::less<>>;
    using Families = std::map<std::string, ModelSpec, std::less<>>;
    [[nodiscard]] const Rows &apis() const { return apis_; }

 private:
    void read_apis(JsonValue apis);
    // The api whose rows this api uses.
    [[nodiscard]] std::string_view rows_of(std::string_view api) const;
    [[nodiscard]] static const ModelSpec *find_in(const Rows &rows, std::string_view name,
                                                  std::string_view model, bool any_case);

    Families families_;
    Rows apis_;
    std::map<std::string, std::string, std::less<>>
        same_models_;  // apis that use the rows of another
    Rows providers_;
};

}  // namespace gateway

// Which models there are, and what is known about each.
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
    // One sentence about what is wrong, with the JSON path, if the text is no catalogue. What it
    // says comes before what `below` says of the same models.
    static tl::expected<Catalogue, std::string> read(std::string_view text,
                                                     const Catalogue *below = nullptr);
    // The one that is built into the module.
    static std::string_view built_in();

    // Rows for this provider first, then those of its api; the first that matches. Null for an api
    // that the catalogue does not know. `any_case`: the provider does not tell capitals in names
    // from small letters.
    [[nodiscard]] const ModelSpec *find(std::string_view provider, std::string_view api,
                                        std::string_view model, bool any_case = false) const;
    // Whether the model is known by name, not just by the api's last resort.
    [[nodiscard]] bool lists(std::string_view provider, std::string_view api,
                             std::string_view model, bool any_case = false) const;
    // The models that are listed with their full names, in order.
    [[nodiscard]] std::vector<const ModelSpec *> named(std::string_view provider,
                                                       std::string_view api) const;

    using Rows = std::map<std::string, std::vector<ModelSpec>, std::less<>>;
    using Families = std::map<std::string, ModelSpec, std::less<>>;
    [[nodiscard]] const Rows &apis() const { return apis_; }

 private:
    void read_apis(JsonValue apis);
    // The api whose rows are meant.
    [[nodiscard]] std::string_view rows_of(std::string_view api) const;
    [[nodiscard]] static const ModelSpec *find_in(const Rows &rows, std::string_view name,
                                                  std::string_view model, bool any_case);

    Families families_;
    Rows apis_;
    std::map<std::string, std::string, std::less<>> same_models_;  // as another api has
    Rows providers_;
};

}  // namespace gateway

// What each model can do, as typed data read from catalog.json.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/request/image_request.h"

namespace gateway {

// What a model takes for one parameter; what is not set is not limited.
struct ParamSpec {
    std::optional<int64_t> min;
    std::optional<int64_t> max;
    std::optional<int64_t> max_length;  // characters
    std::vector<std::string> choices;   // quality, background …
    std::map<std::string, std::string, std::less<>>
        aliases;  // another API's word for one of the choices
    // Sizes: those listed, and if there is a rule, those that keep it.
    std::vector<std::string> sizes;
    int64_t multiple_of = 1;
    int64_t max_side = 0;
    int64_t min_area = 0;
    int64_t max_area = 0;
    double max_ratio = 0;

    [[nodiscard]] bool has_size_rule() const {
        return multiple_of > 1 || max_side + min_area + max_area > 0 || max_ratio > 0;
    }
    [[nodiscard]] bool allows_size(std::string_view size) const;
};

struct ParameterSet {
    std::array<std::optional<ParamSpec>, kParamCount> params;
    [[nodiscard]] const std::optional<ParamSpec> &operator[](Param param) const {
        return params[static_cast<size_t>(param)];
    }
};

struct ModelSpec {
    std::string pattern;
    std::shared_ptr<const ParameterSet> parameters;
};

class Catalogue {
 public:
    // One sentence about what is wrong, with the JSON path, if the text is no catalogue.
    static tl::expected<Catalogue, std::string> read(std::string_view text);
    // The one that is built into the module.
    static std::string_view built_in();

    // Null for an api that the catalogue does not know.
    [[nodiscard]] const ModelSpec *find(std::string_view api, std::string_view model) const;
    // Whether the model is known by name, not just by the api's last resort.
    [[nodiscard]] bool lists(std::string_view api, std::string_view model) const;

 private:
    std::map<std::string, std::vector<ModelSpec>, std::less<>> apis_;
};

}  // namespace gateway

// The values of labels that come from requests, as numbers. Only names that the configuration or
// its catalogue has are values; all others are "other", so that callers cannot make up values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/routing/model_map.h"

namespace gateway {

class LabelBook {
 public:
    using Id = uint16_t;
    static constexpr Id kOther = 0;
    static constexpr Id kNone = 1;
    static constexpr size_t kMax = 16'384;

    // Must not outlive the models.
    explicit LabelBook(const ModelMap &models);

    // For texts of which there are few: names of providers, fixed words.
    Id of_text(std::string_view text);
    // A model of this provider.
    Id of_model(const Provider &provider, std::string_view model);
    // A requested name; empty: none.
    Id of_request(std::string_view name);

    [[nodiscard]] std::string_view text(Id id) const { return texts_[id]; }

 private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    using Ids = std::unordered_map<std::string, Id, Hash, std::equal_to<>>;

    void follow_catalogue();
    template <typename Read>
    Id remembered(Ids &ids, std::string_view text, Read read);

    const ModelMap &models_;
    std::vector<std::string> texts_;
    Ids by_text_;
    // Spellings that are listed; forgotten when another catalogue is used.
    std::shared_ptr<const Catalogue> catalogue_;
    std::unordered_map<const Provider *, Ids> by_model_;
    Ids by_request_;
};

}  // namespace gateway

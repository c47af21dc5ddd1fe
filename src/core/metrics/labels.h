// The values of labels that come from requests, as numbers. Only names that the configuration or
// its catalogue has are values; all others are "other", so that callers cannot make up values.
#pragma once

#include <array>
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
    // The status of a reply.
    Id of_status(int status);

    [[nodiscard]] std::string_view text(Id id) const { return texts_[id]; }

 private:
    struct Hash {
        using is_transparent = void;
        size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    using Ids = std::unordered_map<std::string, Id, Hash, std::equal_to<>>;

    // The spelling that was looked up last: a request is counted in several steps with the same
    // one.
    struct Last {
        const void *of = nullptr;  // whose models; null: nothing was looked up
        std::string spelling;
        Id id = kOther;
    };

    void follow_catalogue();
    template <typename Read>
    Id remembered(Ids &ids, std::string_view text, Read read);
    template <typename Find>
    static Id last_or(Last &last, const void *of, std::string_view spelling, Find find);

    const ModelMap &models_;
    static constexpr size_t kLiterals = 64;
    static constexpr size_t kStatuses = 600;

    std::vector<std::string> texts_;
    Ids by_text_;
    std::array<Id, kLiterals> by_address_{};  // guesses: most texts are literals
    std::array<Id, kStatuses> by_status_{};   // 0: not looked up yet
    // Spellings that are listed; forgotten when another catalogue is used.
    std::shared_ptr<const Catalogue> catalogue_;
    std::unordered_map<const Provider *, Ids> by_model_;
    Ids by_request_;
    Last last_model_;
    Last last_request_;
};

}  // namespace gateway

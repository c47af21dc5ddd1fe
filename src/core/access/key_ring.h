// The virtual keys of one keys.json: who they are and what they may. Secrets are known by their
// SHA-256 only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "core/bytes/sha256.h"
#include "core/limits/account.h"
#include "core/limits/budget.h"
#include "core/limits/limits.h"

namespace gateway {

// What a key may use of the models that a pattern names.
struct ModelLimits {
    std::string pattern;
    Limits limits;
    Account account{};  // what it is counted by
};

struct Key {
    std::string id;
    Account account{};  // what it is counted by
    Sha256 hash{};
    bool disabled = false;
    std::optional<int64_t> expires;   // unix seconds
    std::vector<std::string> models;  // patterns; none means all
    Limits limits;
    std::vector<ModelLimits> model_limits;
    std::vector<Budget> budgets;
    bool may_use_unpriced = false;  // although it has a budget
    Limits end_user;                // each one's
    std::vector<std::string> fallbacks;

    // Of the model's name so many characters must be spelled as in the patterns.
    [[nodiscard]] bool may_use(std::string_view model, size_t exact = std::string_view::npos) const;
};

// Ids are the operator's: a key goes on with its counters when its secret changes. Also of a bearer
// without a key, whose id no key has.
Account account_of_key(std::string_view id);
Account account_of_models(std::string_view key, std::string_view pattern);

class KeyRing {
 public:
    // The text of a keys.json, or one sentence about what is wrong in it.
    static tl::expected<std::shared_ptr<const KeyRing>, std::string> read(std::string_view text);

    // Of a file whose newest contents are not known: who was let in before must not be let in.
    static std::shared_ptr<const KeyRing> unknown();
    [[nodiscard]] bool is_known() const { return known_; }

    // Null when nobody has this secret.
    [[nodiscard]] const Key *find(std::string_view secret) const;
    [[nodiscard]] const Key *find_id(std::string_view id) const;
    [[nodiscard]] size_t size() const { return keys_.size(); }

 private:
    void index();
    [[nodiscard]] const Key *find(const Sha256 &hash) const;
    [[nodiscard]] size_t first_place(const Sha256 &hash) const;

    bool known_ = true;
    std::vector<Key> keys_;
    std::vector<uint32_t> by_hash_;  // which key, from 1; 0: none
    std::vector<uint32_t> by_id_;    // which key, in the order of their ids
};

}  // namespace gateway

// The virtual keys of one keys.json, with their rights and limits. Of secrets only the SHA-256 is
// known.
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

// A key's limits for the models that a pattern names.
struct ModelLimits {
    std::string pattern;
    Limits limits;
    Account account{};  // by which its use is counted
};

struct Key {
    std::string id;
    Account account{};  // by which its use is counted
    Sha256 hash{};
    bool disabled = false;
    std::optional<int64_t> expires;   // unix seconds
    std::vector<std::string> models;  // patterns; empty: all models
    Limits limits;
    std::vector<ModelLimits> model_limits;
    std::vector<Budget> budgets;
    bool may_use_unpriced = false;  // models without a price, although it has a budget
    Limits end_user;                // of each end user
    std::vector<std::string> fallbacks;

    // The first `exact` characters of the model's name must match in case.
    [[nodiscard]] bool may_use(std::string_view model, size_t exact = std::string_view::npos) const;
};

// By id, so that a key keeps its counters when its secret changes. Also for the bearer of a token
// without a key, whose id differs from those of all keys.
Account account_of_key(std::string_view id);
Account account_of_models(std::string_view key, std::string_view pattern);

class KeyRing {
 public:
    // Parses a keys.json. The error is one sentence about what is wrong in it.
    static tl::expected<std::shared_ptr<const KeyRing>, std::string> read(std::string_view text);

    // For a file whose newest contents are not known: it admits nobody, as keys may have been
    // revoked.
    static std::shared_ptr<const KeyRing> unknown();
    [[nodiscard]] bool is_known() const { return known_; }

    // Null if no key has this secret.
    [[nodiscard]] const Key *find(std::string_view secret) const;
    [[nodiscard]] const Key *find_id(std::string_view id) const;
    [[nodiscard]] size_t size() const { return keys_.size(); }
    [[nodiscard]] const std::vector<Key> &keys() const { return keys_; }

 private:
    void index();
    [[nodiscard]] const Key *find(const Sha256 &hash) const;
    [[nodiscard]] size_t first_place(const Sha256 &hash) const;

    bool known_ = true;
    std::vector<Key> keys_;
    std::vector<uint32_t> by_hash_;  // numbers of keys, from 1; 0: a free place
    std::vector<uint32_t> by_id_;    // numbers of keys, sorted by id
};

}  // namespace gateway

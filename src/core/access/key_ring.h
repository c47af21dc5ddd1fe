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

#include "core/access/sha256.h"

namespace gateway {

// 0 stands for no limit.
struct KeyLimits {
    int64_t requests_per_minute = 0;
    int64_t images_per_minute = 0;
    int64_t images_per_day = 0;
    int64_t concurrent = 0;

    [[nodiscard]] bool any() const {
        return requests_per_minute + images_per_minute + images_per_day + concurrent > 0;
    }
};

struct Key {
    std::string id;
    Sha256 hash{};
    bool disabled = false;
    std::optional<int64_t> expires;   // unix seconds
    std::vector<std::string> models;  // patterns; none means all
    KeyLimits limits;
    std::vector<std::string> fallbacks;

    [[nodiscard]] bool may_use(std::string_view model) const;
};

class KeyRing {
 public:
    // The text of a keys.json, or one sentence about what is wrong in it.
    static tl::expected<std::shared_ptr<const KeyRing>, std::string> read(std::string_view text);

    // Null when nobody has this secret.
    [[nodiscard]] const Key *find(std::string_view secret) const;
    [[nodiscard]] size_t size() const { return keys_.size(); }

 private:
    std::vector<Key> keys_;  // sorted by hash
};

// "2027-06-30T00:00:00Z" to unix seconds.
std::optional<int64_t> parse_time(std::string_view text);

}  // namespace gateway

// Records of usage that wait to be written together. What counts is summed up, so that however long
// the file cannot be written to, no money is forgotten.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/usage_book.h"

namespace gateway {

class UsageBatch {
 public:
    void add(UsageRecord record);
    // What was to be written before this.
    void put_first(UsageBatch earlier);

    [[nodiscard]] bool is_empty() const {
        return rows_.empty() && spent_.empty() && images_.empty();
    }
    // Of a request each.
    [[nodiscard]] const std::vector<UsageRecord> &rows() const { return rows_; }
    // There was no room for them; they are in the sums.
    [[nodiscard]] size_t rows_dropped() const { return dropped_; }

    using SpentKey = std::tuple<std::string, Period, int64_t>;  // key, and which period
    [[nodiscard]] const std::map<SpentKey, MicroUsd> &spent() const { return spent_; }

    struct ImagesKey {
        int64_t day = 0;
        Account account{};
        Party::Kind kind = Party::Kind::key;
        std::string key;
        auto operator<=>(const ImagesKey &) const = default;
    };
    [[nodiscard]] const std::map<ImagesKey, int64_t> &images() const { return images_; }

 private:
    void drop_rows();

    std::vector<UsageRecord> rows_;
    size_t dropped_ = 0;
    std::map<SpentKey, MicroUsd> spent_;
    std::map<ImagesKey, int64_t> images_;
};

}  // namespace gateway

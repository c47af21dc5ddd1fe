// Records of usage that wait to be written together. The ledger sums up what was spent, and this
// sums up images of the day, so that no sum is lost however long the file cannot be written to.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/limits/usage_book.h"

namespace gateway {

class UsageBatch {
 public:
    void add(UsageRecord record);
    // Adds a batch that was to be written before this one.
    void put_first(UsageBatch earlier);
    // Without the images, which are written in another way.
    void forget_images() { images_.clear(); }

    [[nodiscard]] bool is_empty() const {
        return rows_.empty() && payers_.empty() && images_.empty();
    }
    // One for each request.
    [[nodiscard]] const std::vector<UsageRecord> &rows() const { return rows_; }
    // Rows for which there was no room. They are in the sums.
    [[nodiscard]] size_t rows_dropped() const { return dropped_; }

    // Keys for which the ledger has larger sums than the file.
    void add_payer(const Account &account) { payers_.insert(account); }
    [[nodiscard]] const std::set<Account> &payers() const { return payers_; }

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
    std::set<Account> payers_;
    std::map<ImagesKey, int64_t> images_;
};

}  // namespace gateway

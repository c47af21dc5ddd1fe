// The file of image_gateway_state: what was spent and used, for the budgets and days that go on
// when nginx is started again, and for people who ask with SQL.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/limits/budget.h"
#include "core/limits/ledger.h"
#include "core/limits/party.h"
#include "core/limits/usage_book.h"
#include "state/database.h"
#include "state/usage_batch.h"

namespace gateway {

// What still counts.
struct Balance {
    struct Spent {
        std::string key;
        Period period = Period::lifetime;
        int64_t number = 0;
        MicroUsd usd = 0;
        MicroUsd written = 0;  // of that was counted in this memory; only for raise()
    };
    struct Images {
        Party::Kind kind = Party::Kind::key;
        std::string key;
        Account account{};
        int64_t images = 0;
    };
    std::vector<Spent> spent;
    std::vector<Images> images;
};

class StateFile {
 public:
    // Makes the tables if there are none.
    static tl::expected<StateFile, StateProblem> open(const std::string &path);

    // What was found and changed when it was opened, for the log; empty: nothing.
    [[nodiscard]] const std::string &note() const { return note_; }

    // Of what was spent, what was not counted in the budget memory with this number.
    tl::expected<Balance, StateProblem> read(int64_t unix_seconds, uint64_t memory);
    // Whether anything of the budget memory with this number was ever written to it.
    tl::expected<bool, StateProblem> knows(uint64_t memory);
    // All of it, or nothing. The sums are those of the budget memory with this number: what the
    // file does not have of them yet is added, so that nothing is added twice, whoever writes it
    // and however often.
    tl::expected<void, StateProblem> write(const UsageBatch &batch, uint64_t memory,
                                           std::span<const KeySpending> sums);
    // Has at least so much of each sum, all of it or nothing, as one that this memory is written
    // to.
    tl::expected<void, StateProblem> raise(const Balance &counted, uint64_t memory,
                                           int64_t unix_seconds);
    // Takes over what is only in the -wal, if it can.
    void save_wal() { (void)database_.run("PRAGMA wal_checkpoint(TRUNCATE)"); }
    // Deletes some of what is not needed any more, so that nobody waits long: what is older than
    // `keep_seconds`, and what belongs to memories that nobody has counted in for two months.
    // `memory` is one that is in use. Whether there is more.
    tl::expected<bool, StateProblem> forget(int64_t unix_seconds, int64_t keep_seconds,
                                            uint64_t memory);

 private:
    explicit StateFile(Database database) : database_(std::move(database)) {}
    std::optional<bool> delete_some(const char *sql, std::initializer_list<int64_t> values);
    std::optional<bool> forget_before(int64_t unix_seconds);
    std::optional<bool> forget_memories(int64_t unix_seconds, uint64_t memory);
    bool add_all(const UsageBatch &batch, uint64_t memory, std::span<const KeySpending> sums);
    bool add_sums(uint64_t memory, std::span<const KeySpending> sums);
    bool raise_all(const Balance &counted, uint64_t memory, int64_t unix_seconds);

    Database database_;
    std::string note_;
};

}  // namespace gateway

// The file of image_gateway_state: what was spent and used. It is read when nginx starts, so that
// budgets and limits of a day go on, and by operators with SQL.
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

// What was used in periods that have not ended.
struct Balance {
    struct Spent {
        std::string key;
        Period period = Period::lifetime;
        int64_t number = 0;
        MicroUsd usd = 0;
        MicroUsd written = 0;  // the part that was counted in this memory; only for raise()
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
    // Creates the file and its tables if need be.
    static tl::expected<StateFile, StateProblem> open(const std::string &path);

    // What was changed when it was opened, for the log; empty: nothing.
    [[nodiscard]] const std::string &note() const { return note_; }

    // What was used now. Of what was spent, the part that was not counted in the budget memory with
    // this number.
    tl::expected<Balance, StateProblem> read(int64_t unix_seconds, uint64_t memory);
    // Whether any sum of the budget memory with this number was written to the file.
    tl::expected<bool, StateProblem> knows(uint64_t memory);
    // Writes all or nothing. `sums` are of the budget memory with this number. What the file does
    // not have of them is added, so that nothing is added twice, whichever worker writes it and
    // however often.
    tl::expected<void, StateProblem> write(const UsageBatch &batch, uint64_t memory,
                                           std::span<const KeySpending> sums);
    // Raises each sum in the file to at least the one in `counted`, all or nothing, and notes that
    // this memory is written to the file.
    tl::expected<void, StateProblem> raise(const Balance &counted, uint64_t memory,
                                           int64_t unix_seconds);
    // Moves what is only in the -wal into the file, if possible.
    void save_wal() { (void)database_.run("PRAGMA wal_checkpoint(TRUNCATE)"); }
    // Deletes rows that are older than `keep_seconds`, and what belongs to memories that have not
    // been in use for two months. `memory` is in use. It deletes a limited number of rows, so that
    // other writers do not wait long; returns whether there are more.
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

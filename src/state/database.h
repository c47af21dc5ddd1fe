// The part of SQLite that the gateway uses. Its calls block: they run on the event loop's thread
// only at the end of a worker.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

// Why an operation on the file failed.
struct StateProblem {
    enum class Kind : uint8_t {
        busy,     // cannot be used now: as a rule, another process has locked it
        damaged,  // its contents are not valid
        other,
    };
    std::string text;
    Kind kind = Kind::other;
};

// A prepared statement. Values are bound from left to right. If `run` or `next` fails,
// Database::problem() says why.
class Statement {
 public:
    Statement(sqlite3 *database, std::string_view sql);

    Statement &bind(int64_t value);
    Statement &bind(std::string_view text);
    Statement &bind_dollars(int64_t micro_usd);
    Statement &bind_null();

    // Runs the statement to its end, and resets it for new values.
    bool run();

    enum class Step : uint8_t { row, done, failed };
    Step next();
    // For new values.
    void reset();
    [[nodiscard]] int64_t integer(int column) const;
    [[nodiscard]] std::string text(int column) const;

 private:
    struct Finalize {
        void operator()(sqlite3_stmt *statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int bound_ = 0;
};

class Database {
 public:
    // Creates the file if there is none.
    static tl::expected<Database, StateProblem> open(const std::string &path);
    static tl::expected<Database, StateProblem> open_to_read(const std::string &path);

    // Interrupts statements that run. May be called on any thread.
    void interrupt() { sqlite3_interrupt(database_.get()); }

    bool run(const char *sql);
    Statement prepare(std::string_view sql) { return {database_.get(), sql}; }
    // Why the last call failed.
    [[nodiscard]] StateProblem problem() const;
    [[nodiscard]] int64_t changes() const { return sqlite3_changes64(database_.get()); }

 private:
    struct Close {
        void operator()(sqlite3 *database) const { sqlite3_close_v2(database); }
    };
    static tl::expected<Database, StateProblem> open(const std::string &path, int flags);
    explicit Database(sqlite3 *database) : database_(database) {}

    std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace gateway

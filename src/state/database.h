// SQLite, as far as the gateway uses it. Its calls block: nothing here runs on the event loop but
// at the start and the end of a worker.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace gateway {

// Why something at the file did not succeed.
struct StateProblem {
    enum class Kind : uint8_t {
        busy,     // somebody else has locked it
        damaged,  // what is in it makes no sense
        other,
    };
    std::string text;
    Kind kind = Kind::other;
};

// A prepared statement. Values are bound from left to right; `run` and `next` say false when it
// failed, and why is known to the database.
class Statement {
 public:
    Statement(sqlite3 *database, std::string_view sql);

    Statement &bind(int64_t value);
    Statement &bind(std::string_view text);
    Statement &bind_dollars(int64_t micro_usd);
    Statement &bind_null();

    // To its end, and ready to be bound anew.
    bool run();

    enum class Step : uint8_t { row, done, failed };
    Step next();
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
    // Makes the file if there is none.
    static tl::expected<Database, StateProblem> open(const std::string &path);
    static tl::expected<Database, StateProblem> open_to_read(const std::string &path);

    // A statement that runs for long ends as failed once `is_over` says so. It is asked on the
    // statement's thread, and must live as long as the database.
    void interrupt_when(const std::function<bool()> &is_over);

    bool run(const char *sql);
    Statement prepare(std::string_view sql) { return {database_.get(), sql}; }
    // Of the last call.
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

#include "state/schema.h"

#include <string>

namespace gateway {

namespace {

// "igws". A file with another id belongs to another program.
constexpr int64_t kApplication = 0x69677773;

// The tables of the first gateway.
constexpr const char *kTables = R"sql(
PRAGMA application_id = 0x69677773;
PRAGMA user_version = 1;
CREATE TABLE spent (             -- by each key, in each hour, day, week, month, and ever
    key TEXT NOT NULL,
    per TEXT NOT NULL,
    since INTEGER NOT NULL,      -- unix seconds, when the period began
    micro_usd INTEGER NOT NULL,  -- millionths of a dollar
    PRIMARY KEY (key, per, since)
) WITHOUT ROWID;
CREATE TABLE day_images (        -- of those whose images per day are limited
    day INTEGER NOT NULL,        -- unix seconds, when it began
    account TEXT NOT NULL,       -- what they are counted by
    kind INTEGER NOT NULL,
    key TEXT NOT NULL,
    images INTEGER NOT NULL,
    PRIMARY KEY (day, account)
) WITHOUT ROWID;
CREATE TABLE usage (             -- one row for each request
    time TEXT NOT NULL,          -- UTC, when it ended
    unix_ms INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    key TEXT,
    end_user TEXT,
    model_requested TEXT,
    provider TEXT,               -- that was asked last
    model TEXT,
    images INTEGER NOT NULL,     -- in the answer
    images_lost INTEGER NOT NULL,
    cost_usd REAL,               -- as the caller was told; NULL: not known
    counted_usd REAL NOT NULL,   -- against the key's budgets: what is not known at its most
    latency_ms INTEGER NOT NULL,
    status INTEGER NOT NULL,
    outcome TEXT
);
CREATE INDEX usage_by_time ON usage (unix_ms);
)sql";

// Later gateways of version 1 created this table without recording a migration.
constexpr const char *kWritten = R"sql(
CREATE TABLE IF NOT EXISTS written (  -- how much of the memory's sums is in `spent`
    purses INTEGER NOT NULL,     -- the id of the memory in which workers count
    key TEXT NOT NULL,
    per TEXT NOT NULL,
    since INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL,
    PRIMARY KEY (purses, key, per, since)
) WITHOUT ROWID;
)sql";

// Without these, a query for a period reads the whole table.
constexpr const char *kByPeriod = R"sql(
CREATE INDEX spent_by_period ON spent (per, since);
CREATE INDEX written_by_period ON written (per, since);
)sql";

constexpr const char *kMemories = R"sql(
CREATE TABLE memories (          -- in which workers count; for one that is gone, `written` is not needed
    id INTEGER PRIMARY KEY,      -- written.purses
    seen INTEGER NOT NULL        -- unix seconds, when a worker last said that it is in use; 0: not yet
);
INSERT INTO memories SELECT DISTINCT purses, 0 FROM written;
)sql";

constexpr Migration kMigrations[] = {{1, kWritten}, {1, kByPeriod}, {1, kMemories}};

int64_t integer_of(Database &database, const char *sql) {
    Statement statement = database.prepare(sql);
    return statement.next() == Statement::Step::row ? statement.integer(0) : -1;
}

// The number of migrations that were applied to the file.
int64_t level_of(Database &database) {
    const bool has_levels =
        integer_of(database, "SELECT count(*) FROM sqlite_master WHERE name = 'migrations'") > 0;
    return has_levels ? integer_of(database, "SELECT coalesce(max(level), 0) FROM migrations") : 0;
}

bool apply(Database &database, const Migration &migration, int64_t level) {
    const std::string version = "PRAGMA user_version = " + std::to_string(migration.version);
    Statement note = database.prepare(
        "INSERT INTO migrations (level, time) VALUES (?, strftime('%Y-%m-%dT%H:%M:%SZ'))");
    return database.run(migration.sql) && database.run(version.c_str()) && note.bind(level).run();
}

bool apply_missing(Database &database, std::span<const Migration> all) {
    const auto level = static_cast<size_t>(level_of(database));
    if (level < all.size() && !database.run("CREATE TABLE IF NOT EXISTS migrations ("
                                            " level INTEGER PRIMARY KEY, time TEXT NOT NULL)")) {
        return false;
    }
    for (size_t next = level; next < all.size(); ++next) {
        if (!apply(database, all[next], static_cast<int64_t>(next + 1))) {
            return false;
        }
    }
    return true;
}

tl::expected<void, StateProblem> prepare_all(Database &database, std::span<const Migration> all) {
    if (integer_of(database, "SELECT count(*) FROM sqlite_master") == 0 && !database.run(kTables)) {
        return tl::unexpected(database.problem());
    }
    const int64_t version = integer_of(database, "PRAGMA user_version");
    if (integer_of(database, "PRAGMA application_id") != kApplication || version < 1) {
        return tl::unexpected(StateProblem{"is a database of something else"});
    }
    const int64_t known = all.back().version;
    if (version > known) {
        return tl::unexpected(StateProblem{
            "was made by a later version of the gateway: it has version " +
            std::to_string(version) + ", and this gateway reads up to " + std::to_string(known)});
    }
    if (!apply_missing(database, all)) {
        return tl::unexpected(database.problem());
    }
    return {};
}

}  // namespace

std::span<const Migration> migrations() {
    return kMigrations;
}

tl::expected<void, StateProblem> prepare_schema(Database &database,
                                                std::span<const Migration> all) {
    if (!database.run("BEGIN IMMEDIATE")) {
        return tl::unexpected(database.problem());
    }
    auto prepared = prepare_all(database, all);
    if (prepared && !database.run("COMMIT")) {
        prepared = tl::unexpected(database.problem());
    }
    if (!prepared) {
        database.run("ROLLBACK");
    }
    return prepared;
}

}  // namespace gateway

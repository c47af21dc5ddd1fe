#include "state/records_schema.h"

#include <string>

#include "state/message_table.h"

namespace gateway {

namespace {

// "igwr". A file with another id belongs to another program.
constexpr int64_t kRecordsApplication = 0x69677772;
constexpr int64_t kRecordsVersion = 1;

constexpr const char *kRecordTables = R"sql(
PRAGMA application_id = 0x69677772;
PRAGMA user_version = 1;
CREATE TABLE records (
    id TEXT PRIMARY KEY,         -- a hash: of the caller and the key, or of what is asked for
    kind INTEGER NOT NULL,       -- 0: Idempotency-Key, 1: shared, 2: cached, 3: job
    owner TEXT NOT NULL,         -- the id of the caller's key or token
    model TEXT NOT NULL DEFAULT '',  -- "provider/model" that made the images
    asked TEXT NOT NULL,         -- a hash of what is asked for
    request_id TEXT NOT NULL,    -- of the request that asked first
    process TEXT,                -- that works on it; NULL: it has ended
    wanted INTEGER NOT NULL DEFAULT 0,  -- a request in another process waits for its end
    keep INTEGER NOT NULL,       -- seconds, after its end
    created INTEGER NOT NULL,    -- unix seconds
    expires INTEGER,             -- unix seconds; NULL: it has not ended
    facts TEXT NOT NULL DEFAULT '',  -- the result, as JSON; empty: it was interrupted
    file TEXT NOT NULL DEFAULT '',   -- with the base64 of the images
    file_bytes INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,  -- of all files that are kept for it
    images TEXT NOT NULL DEFAULT '',   -- paths of images in the store, one per line
    -- Only of jobs:
    job TEXT NOT NULL DEFAULT '',      -- its id, as clients write it
    tenant TEXT NOT NULL DEFAULT '',   -- who may see it; empty: whoever knows the id
    operation TEXT NOT NULL DEFAULT '',
    requested TEXT NOT NULL DEFAULT '',  -- the model, as requested
    format TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',   -- queued while it waits; completed, failed or cancelled, once it has ended
    ended INTEGER NOT NULL DEFAULT 0,  -- unix seconds
    cancelled INTEGER NOT NULL DEFAULT 0,  -- its owner has asked to cancel it
    making TEXT NOT NULL DEFAULT '',    -- while its provider works: what another process needs to go on
    owners INTEGER NOT NULL DEFAULT 1   -- processes that have worked on it
) WITHOUT ROWID;
CREATE INDEX records_of_jobs ON records (tenant, created) WHERE kind = 3;
CREATE INDEX records_by_expiry ON records (expires);
CREATE INDEX records_in_progress ON records (process) WHERE process IS NOT NULL;
-- One row: the sum of records.bytes, without the cache. Earlier gateways read it.
CREATE TABLE kept (bytes INTEGER NOT NULL);
INSERT INTO kept VALUES (0);
CREATE TRIGGER record_added AFTER INSERT ON records WHEN NEW.kind <> 2 BEGIN
    UPDATE kept SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER record_changed AFTER UPDATE OF bytes ON records WHEN NEW.kind <> 2 BEGIN
    UPDATE kept SET bytes = bytes + NEW.bytes - OLD.bytes; END;
CREATE TRIGGER record_removed AFTER DELETE ON records WHEN OLD.kind <> 2 BEGIN
    UPDATE kept SET bytes = bytes - OLD.bytes; END;
)sql";

// Files of earlier gateways lack these columns. They can go on with a file that has them.
constexpr const char *kAddTakingOver = R"sql(
ALTER TABLE records ADD COLUMN making TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN owners INTEGER NOT NULL DEFAULT 1;
)sql";
constexpr const char *kHasTakingOver =
    "SELECT count(*) FROM pragma_table_info('records') WHERE name = 'making'";

// The same for files without sums for each store and caller. In a new file, too.
constexpr const char *kAddSums = R"sql(
ALTER TABLE records ADD COLUMN store TEXT NOT NULL DEFAULT '';  -- the directory with its files
-- The sums of records.bytes, without the cache. A record begins with 0 bytes.
CREATE TABLE kept_in_stores (store TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kept_of_callers (store TEXT NOT NULL, owner TEXT NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (store, owner)) WITHOUT ROWID;
CREATE TRIGGER kept_changed AFTER UPDATE OF bytes ON records
WHEN NEW.kind <> 2 AND NEW.bytes <> OLD.bytes BEGIN
    INSERT INTO kept_in_stores SELECT NEW.store, 0
        WHERE NOT EXISTS (SELECT 1 FROM kept_in_stores WHERE store = NEW.store);
    INSERT INTO kept_of_callers SELECT NEW.store, NEW.owner, 0
        WHERE NOT EXISTS (SELECT 1 FROM kept_of_callers WHERE store = NEW.store AND owner = NEW.owner);
    UPDATE kept_in_stores SET bytes = bytes + NEW.bytes - OLD.bytes WHERE store = NEW.store;
    UPDATE kept_of_callers SET bytes = bytes + NEW.bytes - OLD.bytes
        WHERE store = NEW.store AND owner = NEW.owner;
END;
CREATE TRIGGER kept_removed AFTER DELETE ON records WHEN OLD.kind <> 2 AND OLD.bytes <> 0 BEGIN
    UPDATE kept_in_stores SET bytes = bytes - OLD.bytes WHERE store = OLD.store;
    UPDATE kept_of_callers SET bytes = bytes - OLD.bytes
        WHERE store = OLD.store AND owner = OLD.owner;
    DELETE FROM kept_of_callers WHERE store = OLD.store AND owner = OLD.owner AND bytes <= 0;
END;
INSERT INTO kept_in_stores SELECT '', sum(bytes) FROM records WHERE kind <> 2 AND bytes <> 0 HAVING count(*) > 0;
INSERT INTO kept_of_callers SELECT '', owner, sum(bytes) FROM records WHERE kind <> 2 AND bytes <> 0 GROUP BY owner;
)sql";
constexpr const char *kHasSums =
    "SELECT count(*) FROM sqlite_master WHERE name = 'kept_of_callers'";

int64_t number_of_pragma(Database &database, const char *sql) {
    Statement statement = database.prepare(sql);
    return statement.next() == Statement::Step::row ? statement.integer(0) : -1;
}

tl::expected<void, StateProblem> prepare_record_tables(Database &database) {
    if (number_of_pragma(database, "SELECT count(*) FROM sqlite_master") == 0 &&
        !database.run(kRecordTables)) {
        return tl::unexpected(database.problem());
    }
    if (number_of_pragma(database, "PRAGMA application_id") != kRecordsApplication) {
        return tl::unexpected(StateProblem{"is a database of something else"});
    }
    const int64_t version = number_of_pragma(database, "PRAGMA user_version");
    if (version != kRecordsVersion) {
        return tl::unexpected(
            StateProblem{"was made by another version of the gateway: it has version " +
                         std::to_string(version) + ", and this gateway reads version " +
                         std::to_string(kRecordsVersion)});
    }
    if (number_of_pragma(database, kHasTakingOver) == 0 && !database.run(kAddTakingOver)) {
        return tl::unexpected(database.problem());
    }
    if (number_of_pragma(database, kHasSums) == 0 && !database.run(kAddSums)) {
        return tl::unexpected(database.problem());
    }
    if (!prepare_messages(database)) {
        return tl::unexpected(database.problem());
    }
    return {};
}

}  // namespace

// REPLACE runs the trigger for the removed row only with recursive triggers.
tl::expected<void, StateProblem> prepare_records(Database &database) {
    if (!database.run("PRAGMA recursive_triggers = ON") || !database.run("BEGIN IMMEDIATE")) {
        return tl::unexpected(database.problem());
    }
    auto prepared = prepare_record_tables(database);
    if (prepared && !database.run("COMMIT")) {
        prepared = tl::unexpected(database.problem());
    }
    if (!prepared) {
        database.run("ROLLBACK");
    }
    return prepared;
}

}  // namespace gateway

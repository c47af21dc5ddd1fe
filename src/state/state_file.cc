#include "state/state_file.h"

#include <utility>

#include "core/utc_time.h"
#include "state/private_file.h"

namespace gateway {

namespace {

// "igws"; a file of somebody else is left alone.
constexpr int64_t kApplication = 0x69677773;
constexpr int64_t kVersion = 1;

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

// Files of earlier versions do not have it, and those versions do not look at it.
constexpr const char *kWritten = R"sql(
CREATE TABLE IF NOT EXISTS written (  -- so much of what purses say is in `spent`
    purses INTEGER NOT NULL,     -- the number of the memory that they are in
    key TEXT NOT NULL,
    per TEXT NOT NULL,
    since INTEGER NOT NULL,
    micro_usd INTEGER NOT NULL,
    PRIMARY KEY (purses, key, per, since)
) WITHOUT ROWID;
)sql";

std::string to_text(const Account &account) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const uint64_t half : account) {
        for (int shift = 60; shift >= 0; shift -= 4) {
            text += kDigits[(half >> shift) & 15];
        }
    }
    return text;
}

Account to_account(const std::string &text) {
    Account account{};
    for (size_t i = 0; i < text.size() && i < 32; ++i) {
        const char c = text[i];
        const auto digit = static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10) & 15;
        account[i / 16] = account[i / 16] << 4 | digit;
    }
    return account;
}

int64_t pragma(Database &database, const char *sql) {
    Statement statement = database.prepare(sql);
    return statement.next() == Statement::Step::row ? statement.integer(0) : -1;
}

bool add_row(Statement &insert, const UsageRecord &record) {
    const auto bind_text = [&](const std::string &text) {
        text.empty() ? insert.bind_null() : insert.bind(text);
    };
    insert.bind(format_time(record.unix_milliseconds / 1000))
        .bind(record.unix_milliseconds)
        .bind(record.request_id);
    bind_text(record.key);
    bind_text(record.end_user);
    bind_text(record.model_asked);
    bind_text(record.provider);
    bind_text(record.model);
    insert.bind(record.images).bind(record.images_lost);
    record.cost ? insert.bind_dollars(*record.cost) : insert.bind_null();
    insert.bind_dollars(record.counted).bind(record.latency).bind(record.status);
    bind_text(record.outcome);
    return insert.run();
}

}  // namespace

tl::expected<StateFile, StateProblem> StateFile::open(const std::string &path) {
    auto note = make_private(path);
    if (!note) {
        return tl::unexpected(StateProblem{std::move(note.error())});
    }
    auto database = Database::open(path);
    if (!database) {
        return tl::unexpected(database.error());
    }
    const auto failed = [&] { return tl::unexpected(database->problem()); };
    // A power cut may take the last commits with it; what kills only processes takes nothing that
    // was committed.
    if (!database->run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                       "PRAGMA journal_size_limit = 67108864; BEGIN IMMEDIATE;")) {
        return failed();
    }
    const bool is_new = pragma(*database, "SELECT count(*) FROM sqlite_master") == 0;
    if (is_new && !database->run(kTables)) {
        return failed();
    }
    const int64_t application = pragma(*database, "PRAGMA application_id");
    const int64_t version = pragma(*database, "PRAGMA user_version");
    if (application == kApplication && version == kVersion && !database->run(kWritten)) {
        return failed();
    }
    if (!database->run("COMMIT")) {
        return failed();
    }
    if (application != kApplication) {
        return tl::unexpected(StateProblem{"is a database of something else"});
    }
    if (version != kVersion) {
        return tl::unexpected(StateProblem{"was made by another version of the gateway"});
    }
    StateFile file(std::move(*database));
    file.note_ = std::move(*note);
    return file;
}

tl::expected<Balance, StateProblem> StateFile::read(int64_t unix_seconds, uint64_t memory) {
    Balance balance;
    for (size_t i = 0; i < kPeriods; ++i) {
        const auto period = static_cast<Period>(i);
        const int64_t number = number_of(period, unix_seconds);
        Statement rows = database_.prepare(
            "SELECT spent.key, spent.micro_usd - coalesce(written.micro_usd, 0) FROM spent"
            " LEFT JOIN written ON written.purses = ? AND written.key = spent.key"
            " AND written.per = spent.per AND written.since = spent.since"
            " WHERE spent.per = ? AND spent.since = ?");
        rows.bind(static_cast<int64_t>(memory))
            .bind(name_of(period))
            .bind(start_of(period, number));
        Statement::Step step = rows.next();
        for (; step == Statement::Step::row; step = rows.next()) {
            balance.spent.push_back({rows.text(0), period, number, rows.integer(1)});
        }
        if (step == Statement::Step::failed) {
            return tl::unexpected(database_.problem());
        }
    }
    Statement rows =
        database_.prepare("SELECT kind, key, account, images FROM day_images WHERE day = ?");
    rows.bind(start_of(Period::day, number_of(Period::day, unix_seconds)));
    Statement::Step step = rows.next();
    for (; step == Statement::Step::row; step = rows.next()) {
        balance.images.push_back({static_cast<Party::Kind>(rows.integer(0)), rows.text(1),
                                  to_account(rows.text(2)), rows.integer(3)});
    }
    if (step == Statement::Step::failed) {
        return tl::unexpected(database_.problem());
    }
    return balance;
}

tl::expected<bool, StateProblem> StateFile::knows(uint64_t memory) {
    Statement any = database_.prepare("SELECT 1 FROM written WHERE purses = ? LIMIT 1");
    const Statement::Step step = any.bind(static_cast<int64_t>(memory)).next();
    if (step == Statement::Step::failed) {
        return tl::unexpected(database_.problem());
    }
    return step == Statement::Step::row;
}

tl::expected<void, StateProblem> StateFile::write(const UsageBatch &batch, uint64_t memory,
                                                  std::span<const KeySpending> sums) {
    if (database_.run("BEGIN IMMEDIATE") && add_all(batch, memory, sums) &&
        database_.run("COMMIT")) {
        return {};
    }
    StateProblem problem = database_.problem();
    database_.run("ROLLBACK");
    return tl::unexpected(std::move(problem));
}

tl::expected<void, StateProblem> StateFile::raise(const Balance &counted, uint64_t memory,
                                                  int64_t unix_seconds) {
    if (database_.run("BEGIN IMMEDIATE") && raise_all(counted, memory, unix_seconds) &&
        database_.run("COMMIT")) {
        return {};
    }
    StateProblem problem = database_.problem();
    database_.run("ROLLBACK");
    return tl::unexpected(std::move(problem));
}

bool StateFile::raise_all(const Balance &counted, uint64_t memory, int64_t unix_seconds) {
    Statement spend = database_.prepare(
        "INSERT INTO spent (key, per, since, micro_usd) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET micro_usd = max(micro_usd, excluded.micro_usd)");
    Statement note = database_.prepare(
        "INSERT INTO written (purses, key, per, since, micro_usd) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET micro_usd = max(micro_usd, excluded.micro_usd)");
    for (const Balance::Spent &spent : counted.spent) {
        const int64_t since = start_of(spent.period, spent.number);
        spend.bind(spent.key).bind(name_of(spent.period)).bind(since).bind(spent.usd);
        if (!spend.run()) {
            return false;
        }
        if (spent.written > 0) {
            note.bind(static_cast<int64_t>(memory)).bind(spent.key);
            note.bind(name_of(spent.period)).bind(since).bind(spent.written);
            if (!note.run()) {
                return false;
            }
        }
    }
    Statement count = database_.prepare(
        "INSERT INTO day_images (day, account, kind, key, images) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET images = max(images, excluded.images)");
    for (const Balance::Images &images : counted.images) {
        count.bind(start_of(Period::day, number_of(Period::day, unix_seconds)))
            .bind(to_text(images.account))
            .bind(static_cast<int64_t>(images.kind))
            .bind(images.key)
            .bind(images.images);
        if (!count.run()) {
            return false;
        }
    }
    return true;
}

tl::expected<void, StateProblem> StateFile::check() {
    Statement check = database_.prepare("PRAGMA quick_check(1)");
    if (check.next() == Statement::Step::failed) {
        return tl::unexpected(database_.problem());
    }
    const std::string found = check.text(0);
    return found == "ok" ? tl::expected<void, StateProblem>()
                         : tl::unexpected(StateProblem{found, StateProblem::Kind::damaged});
}

bool StateFile::add_sums(uint64_t memory, std::span<const KeySpending> sums) {
    Statement has = database_.prepare(
        "SELECT micro_usd FROM written WHERE purses = ? AND key = ? AND per = ? AND since = ?");
    Statement spend = database_.prepare(
        "INSERT INTO spent (key, per, since, micro_usd) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd");
    Statement note = database_.prepare(
        "INSERT OR REPLACE INTO written (purses, key, per, since, micro_usd)"
        " VALUES (?, ?, ?, ?, ?)");
    const auto id = static_cast<int64_t>(memory);
    for (const KeySpending &sum : sums) {
        for (size_t i = 0; i < kPeriods && !sum.key.empty(); ++i) {
            const auto period = static_cast<Period>(i);
            const CalendarCount &now = sum.spent[i];
            const int64_t since = start_of(period, now.number);
            has.bind(id).bind(sum.key).bind(name_of(period)).bind(since);
            const Statement::Step step = has.next();
            const int64_t more = now.used - (step == Statement::Step::row ? has.integer(0) : 0);
            if (step == Statement::Step::failed || !has.run()) {
                return false;
            }
            // Another worker may have been faster with a later sum.
            if (more <= 0) {
                continue;
            }
            spend.bind(sum.key).bind(name_of(period)).bind(since).bind(more);
            note.bind(id).bind(sum.key).bind(name_of(period)).bind(since).bind(now.used);
            if (!spend.run() || !note.run()) {
                return false;
            }
        }
    }
    return true;
}

bool StateFile::add_all(const UsageBatch &batch, uint64_t memory,
                        std::span<const KeySpending> sums) {
    if (!add_sums(memory, sums)) {
        return false;
    }
    Statement count = database_.prepare(
        "INSERT INTO day_images (day, account, kind, key, images) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET images = images + excluded.images");
    for (const auto &[place, images] : batch.images()) {
        count.bind(start_of(Period::day, place.day))
            .bind(to_text(place.account))
            .bind(static_cast<int64_t>(place.kind))
            .bind(place.key)
            .bind(images);
        if (!count.run()) {
            return false;
        }
    }
    Statement insert = database_.prepare(
        "INSERT INTO usage (time, unix_ms, request_id, key, end_user, model_requested, provider,"
        " model, images, images_lost, cost_usd, counted_usd, latency_ms, status, outcome)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const UsageRecord &record : batch.rows()) {
        if (!add_row(insert, record)) {
            return false;
        }
    }
    return true;
}

tl::expected<bool, StateProblem> StateFile::forget_before(int64_t unix_seconds) {
    constexpr int64_t kAtOnce = 2000;
    Statement usage = database_.prepare(
        "DELETE FROM usage WHERE rowid IN"
        " (SELECT rowid FROM usage WHERE unix_ms < ? ORDER BY unix_ms LIMIT ?)");
    usage.bind(unix_seconds * 1000).bind(kAtOnce);
    if (!usage.run()) {
        return tl::unexpected(database_.problem());
    }
    const bool more = database_.changes() == kAtOnce;
    Statement days = database_.prepare("DELETE FROM day_images WHERE day < ?");
    Statement spent = database_.prepare(
        "DELETE FROM spent WHERE since < ? AND per IN ('hour', 'day', 'week', 'month')");
    Statement written = database_.prepare(
        "DELETE FROM written WHERE since < ? AND per IN ('hour', 'day', 'week', 'month')");
    // The month before may be the one that is asked about.
    constexpr int64_t kTwoMonths = 62 * 86400;
    if (!days.bind(unix_seconds).run() || !spent.bind(unix_seconds - kTwoMonths).run() ||
        !written.bind(unix_seconds - kTwoMonths).run()) {
        return tl::unexpected(database_.problem());
    }
    return more;
}

}  // namespace gateway

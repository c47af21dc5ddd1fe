#include "state/state_file.h"

#include <utility>

#include "core/utc_time.h"
#include "state/private_file.h"
#include "state/schema.h"

namespace gateway {

namespace {

constexpr int64_t kAtOnce = 2000;  // rows that are deleted in one transaction, of each table
constexpr int64_t kTwoMonths = 62 * 86400;

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

bool add_row(Statement &insert, const UsageRecord &record) {
    const auto bind_text = [&](const std::string &text) {
        text.empty() ? insert.bind_null() : insert.bind(text);
    };
    insert.bind(format_time(record.unix_milliseconds / 1000))
        .bind(record.unix_milliseconds)
        .bind(record.request_id);
    bind_text(record.key);
    bind_text(record.end_user);
    bind_text(record.requested_model);
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
    auto opened = open_private(path);
    if (!opened) {
        return tl::unexpected(std::move(opened.error()));
    }
    if (auto prepared = prepare_schema(opened->database); !prepared) {
        return tl::unexpected(std::move(prepared.error()));
    }
    StateFile file(std::move(opened->database));
    file.note_ = std::move(opened->note);
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

bool StateFile::add_sums(uint64_t memory, std::span<const KeySpending> sums) {
    Statement has = database_.prepare(
        "SELECT micro_usd FROM written WHERE purses = ? AND key = ? AND per = ? AND since = ?");
    Statement spend = database_.prepare(
        "INSERT INTO spent (key, per, since, micro_usd) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET micro_usd = micro_usd + excluded.micro_usd");
    Statement note = database_.prepare(
        "INSERT OR REPLACE INTO written (purses, key, per, since, micro_usd)"
        " VALUES (?, ?, ?, ?, ?)");
    Statement use =
        database_.prepare("INSERT INTO memories (id, seen) VALUES (?, 0) ON CONFLICT DO NOTHING");
    const auto id = static_cast<int64_t>(memory);
    if (!sums.empty() && !use.bind(id).run()) {
        return false;
    }
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
            // Another worker may have written a later sum.
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

tl::expected<bool, StateProblem> StateFile::forget(int64_t unix_seconds, int64_t keep_seconds,
                                                   uint64_t memory) {
    if (!database_.run("BEGIN IMMEDIATE")) {
        return tl::unexpected(database_.problem());
    }
    const int64_t oldest = unix_seconds - keep_seconds;
    const auto more_time = forget_before(oldest);
    const auto more_memories = forget_memories(unix_seconds, memory);
    if (!more_time || !more_memories || !database_.run("COMMIT")) {
        StateProblem problem = database_.problem();
        database_.run("ROLLBACK");
        return tl::unexpected(std::move(problem));
    }
    return *more_time || *more_memories;
}

// Whether there are more such rows; nothing if it failed.
std::optional<bool> StateFile::delete_some(const char *sql, std::initializer_list<int64_t> values) {
    Statement statement = database_.prepare(sql);
    for (const int64_t value : values) {
        statement.bind(value);
    }
    if (!statement.bind(kAtOnce).run()) {
        return std::nullopt;
    }
    return database_.changes() == kAtOnce;
}

std::optional<bool> StateFile::forget_before(int64_t unix_seconds) {
    // Operators may ask for the month before this one.
    const int64_t oldest_period = unix_seconds - kTwoMonths;
    const auto usage = delete_some(
        "DELETE FROM usage WHERE rowid IN"
        " (SELECT rowid FROM usage WHERE unix_ms < ? ORDER BY unix_ms LIMIT ?)",
        {unix_seconds * 1000});
    const auto days = delete_some(
        "DELETE FROM day_images WHERE (day, account) IN"
        " (SELECT day, account FROM day_images WHERE day < ? LIMIT ?)",
        {unix_seconds});
    const auto spent = delete_some(
        "DELETE FROM spent WHERE (key, per, since) IN (SELECT key, per, since FROM spent"
        " WHERE per IN ('hour', 'day', 'week', 'month') AND since < ? LIMIT ?)",
        {oldest_period});
    const auto written = delete_some(
        "DELETE FROM written WHERE (purses, key, per, since) IN"
        " (SELECT purses, key, per, since FROM written"
        " WHERE per IN ('hour', 'day', 'week', 'month') AND since < ? LIMIT ?)",
        {oldest_period});
    if (!usage || !days || !spent || !written) {
        return std::nullopt;
    }
    return *usage || *days || *spent || *written;
}

// `written` says how much of a memory's sums is in the file. It is not needed when no worker counts
// in that memory any more.
std::optional<bool> StateFile::forget_memories(int64_t unix_seconds, uint64_t memory) {
    Statement see = database_.prepare(
        "INSERT INTO memories (id, seen) VALUES (?, ?)"
        " ON CONFLICT DO UPDATE SET seen = excluded.seen");
    Statement begin = database_.prepare("UPDATE memories SET seen = ? WHERE seen = 0");
    if (!see.bind(static_cast<int64_t>(memory)).bind(unix_seconds).run() ||
        !begin.bind(unix_seconds).run()) {
        return std::nullopt;
    }
    const auto more = delete_some(
        "DELETE FROM written WHERE (purses, key, per, since) IN"
        " (SELECT purses, key, per, since FROM written JOIN memories ON id = purses"
        " WHERE seen < ? LIMIT ?)",
        {unix_seconds - kTwoMonths});
    if (more == false) {
        Statement gone = database_.prepare("DELETE FROM memories WHERE seen < ?");
        if (!gone.bind(unix_seconds - kTwoMonths).run()) {
            return std::nullopt;
        }
    }
    return more;
}

}  // namespace gateway

#include "state/database.h"

namespace gateway {

namespace {

constexpr int kBusyMilliseconds = 5000;

}  // namespace

Statement::Statement(sqlite3 *database, std::string_view sql) {
    sqlite3_stmt *statement = nullptr;
    sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    statement_.reset(statement);
}

Statement &Statement::bind(int64_t value) {
    sqlite3_bind_int64(statement_.get(), ++bound_, value);
    return *this;
}

Statement &Statement::bind(std::string_view text) {
    sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
    return *this;
}

Statement &Statement::bind_dollars(int64_t micro_usd) {
    constexpr double kDollar = 1e6;
    sqlite3_bind_double(statement_.get(), ++bound_, static_cast<double>(micro_usd) / kDollar);
    return *this;
}

Statement &Statement::bind_null() {
    sqlite3_bind_null(statement_.get(), ++bound_);
    return *this;
}

bool Statement::run() {
    Step step = Step::row;
    while (step == Step::row) {
        step = next();
    }
    bound_ = 0;
    return sqlite3_reset(statement_.get()) == SQLITE_OK && step == Step::done;
}

void Statement::reset() {
    sqlite3_reset(statement_.get());
    bound_ = 0;
}

Statement::Step Statement::next() {
    if (statement_ == nullptr) {
        return Step::failed;
    }
    const int result = sqlite3_step(statement_.get());
    return result == SQLITE_ROW ? Step::row : result == SQLITE_DONE ? Step::done : Step::failed;
}

int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
    const auto *text = sqlite3_column_text(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return text == nullptr
               ? std::string()
               : std::string(reinterpret_cast<const char *>(text), static_cast<size_t>(size));
}

tl::expected<Database, StateProblem> Database::open(const std::string &path) {
    return open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
}

tl::expected<Database, StateProblem> Database::open_to_read(const std::string &path) {
    return open(path, SQLITE_OPEN_READONLY);
}

tl::expected<Database, StateProblem> Database::open(const std::string &path, int flags) {
    sqlite3 *handle = nullptr;
    const int opened =
        sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_FULLMUTEX, nullptr);
    Database database(handle);
    if (opened != SQLITE_OK) {
        return tl::unexpected(database.problem());
    }
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    sqlite3_extended_result_codes(handle, 1);
    return database;
}

bool Database::run(const char *sql) {
    return sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK;
}

StateProblem Database::problem() const {
    if (database_ == nullptr) {
        return {"no memory"};
    }
    constexpr int kPrimary = 0xff;  // of an extended code
    switch (sqlite3_errcode(database_.get()) & kPrimary) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return {sqlite3_errmsg(database_.get()), StateProblem::Kind::busy};
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return {sqlite3_errmsg(database_.get()), StateProblem::Kind::damaged};
        default: return {sqlite3_errmsg(database_.get())};
    }
}

}  // namespace gateway

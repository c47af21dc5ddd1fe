#include "state/records_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "state/message_table.h"
#include "state/private_file.h"
#include "state/process_identity.h"
#include "state/records_schema.h"

namespace gateway {

namespace {

constexpr int64_t kSweptAtOnce = 1000;
constexpr size_t kTakenAtOnce = 16;
// A job that ends its workers must not end all of them.
constexpr int64_t kMaxOwners = 20;
// Nor a request that others go on with.
constexpr int64_t kMaxLeaders = 5;
// Seconds in which a request may take over from a dead process.
constexpr int64_t kForTakingOver = 5;

// ids and hashes are texts of hexadecimal digits, so that operators can read them.
std::string to_text(const Sha256 &hash) {
    return to_hex(hash);
}

enum class ImagesAre : uint8_t { here, gone, unreadable };

// A file with images stays open while a reply refers to it. They are gone if the file is not the
// one that was written. That it cannot be opened now, for example because this process has too many
// open files, says nothing about the images.
ImagesAre open_images(const std::string &path, size_t size, Bytes &images) {
    if (path.empty()) {
        return ImagesAre::here;
    }
    const int number = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (number < 0) {
        const bool may_come_back =
            errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR || errno == EIO;
        return may_come_back ? ImagesAre::unreadable : ImagesAre::gone;
    }
    const std::shared_ptr<const void> owner(nullptr, [number](const void *) { close(number); });
    struct stat status {};
    if (fstat(number, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        status.st_size != static_cast<off_t>(size)) {
        return ImagesAre::gone;
    }
    images.append(Slice{owner, {}, {number, 0, size}});
    return ImagesAre::here;
}

// The columns of a row that has ended, from `first` on: facts, file, file_bytes, request_id,
// created, expires.
ImagesAre read_kept(const Statement &row, int first, KeptRecord &kept) {
    kept.facts = row.text(first);
    kept.request_id = row.text(first + 3);
    kept.created = row.integer(first + 4);
    kept.expires = row.integer(first + 5);
    return open_images(row.text(first + 1), static_cast<size_t>(row.integer(first + 2)),
                       kept.images);
}

constexpr const char *kKeptColumns = "facts, file, file_bytes, request_id, created, expires";

}  // namespace

RecordsFile::RecordsFile(Database database, std::string path, std::string identity)
    : database_(std::move(database)), path_(std::move(path)), identity_(std::move(identity)) {
    struct stat status {};
    if (stat(path_.c_str(), &status) == 0) {
        device_ = status.st_dev;
        inode_ = status.st_ino;
    }
}

tl::expected<RecordsFile, StateProblem> RecordsFile::open(const std::string &path,
                                                          std::string identity) {
    // The intent to ask a provider is committed before the provider is asked.
    auto opened = open_private(path);
    if (!opened) {
        return tl::unexpected(std::move(opened.error()));
    }
    if (auto prepared = prepare_records(opened->database); !prepared) {
        return tl::unexpected(std::move(prepared.error()));
    }
    return RecordsFile(std::move(opened->database), path, std::move(identity));
}

bool RecordsFile::is_in_place() const {
    struct stat status {};
    return stat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
}

tl::expected<void, StateProblem> RecordsFile::run(std::span<RecordOperation *const> operations,
                                                  int64_t unix_seconds) {
    // Looking up needs no lock that keeps other writers away.
    const bool only_looks =
        std::all_of(operations.begin(), operations.end(), [](const RecordOperation *operation) {
            return operation->kind == RecordOperation::Kind::find;
        });
    // To look up one is a transaction anyway, which a hit of the cache need not wait for.
    const bool is_plain = only_looks && operations.size() == 1;
    bool done = is_plain || database_.run(only_looks ? "BEGIN" : "BEGIN IMMEDIATE");
    for (RecordOperation *operation : operations) {
        done = done && run_one(*operation, unix_seconds);
    }
    if (done && (is_plain || database_.run("COMMIT"))) {
        return {};
    }
    StateProblem problem = database_.problem();
    database_.run("ROLLBACK");
    return tl::unexpected(std::move(problem));
}

bool RecordsFile::run_one(RecordOperation &operation, int64_t unix_seconds) {
    using Kind = RecordOperation::Kind;
    switch (operation.kind) {
        case Kind::claim: return claim(operation.claim, operation.claimed, unix_seconds);
        case Kind::find: return find(operation, unix_seconds);
        case Kind::is_wanted: return is_wanted(operation);
        case Kind::find_jobs: return find_jobs(operation, unix_seconds);
        case Kind::remove_job: return remove_job(operation, unix_seconds);
        case Kind::is_cancelled: return is_cancelled(operation);
        case Kind::note_waiting: return note_waiting(operation);
        case Kind::take_over: return take_over(operation, unix_seconds);
        case Kind::note: return note(operation);
        case Kind::finish: return finish(operation.end, unix_seconds);
        case Kind::forget: return forget(operation, unix_seconds);
        case Kind::put: return put(operation.end, unix_seconds);
        case Kind::sweep: return sweep(unix_seconds) && sweep_messages(database_, unix_seconds);
        case Kind::claim_messages:
            return claim_messages(database_, identity_, operation.message_claim, operation.messages,
                                  unix_seconds);
        case Kind::end_message:
            return end_message(database_, identity_, operation.message_end, unix_seconds);
    }
    return true;
}

// When three quarters of the store are used, a caller may keep a quarter of it. What an earlier
// gateway has kept names no store, and counts in each.
bool RecordsFile::check_room(const RecordClaim &claim, Claimed::Answer &answer) {
    using Answer = Claimed::Answer;
    answer = Answer::ours;
    if (claim.kept_max == 0) {
        return true;
    }
    Statement sums = database_.prepare(
        "SELECT (SELECT sum(bytes) FROM kept_in_stores WHERE store IN (?, '')),"
        " (SELECT sum(bytes) FROM kept_of_callers WHERE store IN (?, '') AND owner = ?)");
    sums.bind(claim.store).bind(claim.store).bind(claim.owner);
    if (sums.next() != Statement::Step::row) {
        return false;
    }
    const auto all = static_cast<uint64_t>(sums.integer(0));
    const auto of_caller = static_cast<uint64_t>(sums.integer(1));
    if (all >= claim.kept_max) {
        answer = Answer::full;
    } else if (all >= claim.kept_max / 4 * 3 && of_caller >= claim.kept_max / 4) {
        answer = Answer::full_for_owner;
    }
    return true;
}

bool RecordsFile::insert(const RecordClaim &claim, int64_t unix_seconds) {
    Statement insert = database_.prepare(
        "INSERT OR REPLACE INTO records"
        " (id, kind, owner, store, asked, request_id, process, keep, created, expires, job, tenant,"
        " operation, requested, format)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?)");
    return insert.bind(to_text(claim.id))
        .bind(static_cast<int64_t>(claim.kind))
        .bind(claim.owner)
        .bind(claim.store)
        .bind(to_text(claim.order))
        .bind(claim.request_id)
        .bind(identity_)
        .bind(claim.keep)
        .bind(unix_seconds)
        .bind(claim.job.id)
        .bind(claim.job.tenant)
        .bind(claim.job.operation)
        .bind(claim.job.model)
        .bind(claim.job.format)
        .run();
}

// A keyed request stays known, so that it is not made a second time. A shared one stays until all
// that wait for it have seen it.
bool RecordsFile::note_interrupted(const RecordId &id, RecordKind kind, int64_t unix_seconds) {
    constexpr int64_t kSeenByWaiting = 5;
    Statement end = database_.prepare(
        "UPDATE records SET process = NULL, making = '', facts = '', file = '', file_bytes = 0,"
        " bytes = 0, ended = ?, expires = ? + (CASE ? WHEN 1 THEN ? ELSE keep END) WHERE id = ?");
    return end.bind(unix_seconds)
        .bind(unix_seconds)
        .bind(static_cast<int64_t>(kind))
        .bind(kSeenByWaiting)
        .bind(to_text(id))
        .run();
}

bool RecordsFile::claim(const RecordClaim &claim, Claimed &claimed, int64_t unix_seconds) {
    using Answer = Claimed::Answer;
    claimed = {};
    Statement row = database_.prepare(
        std::string("SELECT process, asked, kind, ") + kKeptColumns +
        ", making <> '', owners FROM records WHERE id = ? AND (expires IS NULL OR expires > ?)");
    row.bind(to_text(claim.id)).bind(unix_seconds);
    const Statement::Step step = row.next();
    if (step == Statement::Step::failed) {
        return false;
    }
    if (step == Statement::Step::done) {
        const bool has_webhook = !claim.webhook.url.empty();
        if (!check_room(claim, claimed.answer)) {
            return false;
        }
        if (claimed.answer == Answer::ours && has_webhook) {
            const auto checked = check_webhook(database_, claim.webhook);
            if (!checked) {
                return false;
            }
            claimed.answer = *checked;
        }
        return claimed.answer != Answer::ours ||
               (insert(claim, unix_seconds) &&
                (!has_webhook || add_message(database_, claim, unix_seconds)));
    }
    const std::string process = row.text(0);
    const auto kind = static_cast<RecordKind>(row.integer(2));
    claimed.request_id = row.text(6);
    if (row.text(1) != to_text(claim.order)) {
        claimed.answer = Answer::other_order;
        return true;
    }
    if (process.empty()) {
        claimed.kept.emplace();
        claimed.answer = Answer::ended;
        const ImagesAre images = read_kept(row, 3, *claimed.kept);
        if (images == ImagesAre::gone) {
            claimed.kept->facts.clear();  // as if nobody knew the result
        } else if (images == ImagesAre::unreadable) {
            claimed.answer = Answer::unavailable;
        }
        return true;
    }
    if (is_running(process) || row.integer(9) != 0) {  // or it will be taken over
        claimed.answer = Answer::running;
        Statement want =
            database_.prepare("UPDATE records SET wanted = 1 WHERE id = ? AND wanted = 0");
        return want.bind(to_text(claim.id)).run();
    }
    if (kind != RecordKind::job && row.integer(10) < kMaxLeaders) {
        row.reset();
        claimed.answer = Answer::taken_over;
        claimed.process = number_of(process);
        return take_one(claim.id, process);
    }
    claimed.answer = Answer::interrupted;
    return note_interrupted(claim.id, kind, unix_seconds);
}

// Who has taken a record over, and does not know that yet, forgets it under an id of its own: then
// nobody knows what was made.
bool RecordsFile::forget(const RecordOperation &operation, int64_t unix_seconds) {
    const std::string id = to_text(operation.end.id);
    Statement drop =
        database_.prepare("DELETE FROM records WHERE id = ? AND request_id = ? AND process = ?");
    if (!drop.bind(id).bind(operation.request_id).bind(identity_).run()) {
        return false;
    }
    if (database_.changes() != 0) {
        return true;
    }
    Statement left = database_.prepare(
        "SELECT kind FROM records WHERE id = ? AND process = ? AND owners > 1 AND kind <> 3");
    const Statement::Step step = left.bind(id).bind(identity_).next();
    if (step != Statement::Step::row) {
        return step == Statement::Step::done;
    }
    const auto kind = static_cast<RecordKind>(left.integer(0));
    left.reset();
    return note_interrupted(operation.end.id, kind, unix_seconds);
}

bool RecordsFile::find(RecordOperation &operation, int64_t unix_seconds) {
    if (!find_) {
        find_.emplace(database_.prepare(std::string("SELECT ") + kKeptColumns +
                                        " FROM records WHERE id = ? AND expires > ?"));
    }
    operation.found.reset();
    for (size_t i = 0; i < operation.ids.size() && !operation.found; ++i) {
        find_->reset();
        const Statement::Step step =
            find_->bind(to_text(operation.ids[i])).bind(unix_seconds).next();
        if (step == Statement::Step::failed) {
            find_.reset();
            return false;
        }
        if (step == Statement::Step::row &&
            read_kept(*find_, 0, operation.kept) == ImagesAre::here) {
            operation.found = i;
        }
    }
    find_->reset();  // else it would keep the transaction open
    return true;
}

bool RecordsFile::is_wanted(RecordOperation &operation) {
    Statement drop = database_.prepare(
        "DELETE FROM records WHERE id = ? AND request_id = ? AND process = ? AND wanted = 0");
    const bool done =
        drop.bind(to_text(operation.ids.front())).bind(operation.request_id).bind(identity_).run();
    operation.wanted = database_.changes() == 0;
    return done;
}

bool RecordsFile::is_cancelled(RecordOperation &operation) {
    Statement row = database_.prepare("SELECT cancelled FROM records WHERE id = ?");
    const Statement::Step step = row.bind(to_text(operation.ids.front())).next();
    operation.cancelled = step == Statement::Step::row && row.integer(0) != 0;
    return step != Statement::Step::failed;
}

namespace {

constexpr const char *kJobColumns =
    "job, tenant, operation, requested, format, created, ended, status, process, making <> ''";

// The columns of kJobColumns, and after them those of kKeptColumns. `unreadable` is set if the
// images cannot be read now.
JobRecord read_job(const Statement &row, bool with_images, bool &unreadable) {
    constexpr int kKept = 10;
    JobRecord job;
    job.about = {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4)};
    job.created = row.integer(5);
    job.ended = row.integer(6);
    job.status = row.text(7);
    job.kept.request_id = row.text(kKept + 3);
    const std::string process = row.text(8);
    if (!process.empty()) {
        const bool goes_on = is_running(process) || row.integer(9) != 0;
        job.state = goes_on ? JobState::running : JobState::interrupted;
        return job;
    }
    job.state = row.text(kKept).empty() ? JobState::interrupted : JobState::ended;
    job.kept.expires = row.integer(kKept + 5);
    if (with_images && job.state == JobState::ended) {
        switch (read_kept(row, kKept, job.kept)) {
            case ImagesAre::here: break;
            case ImagesAre::gone: job.state = JobState::interrupted; break;
            case ImagesAre::unreadable: unreadable = true; break;
        }
    }
    return job;
}

}  // namespace

bool RecordsFile::find_jobs(RecordOperation &operation, int64_t unix_seconds) {
    const JobQuery &query = operation.query;
    const bool one = !query.id.empty();
    operation.jobs.clear();
    operation.unreadable = false;
    std::string sql = std::string("SELECT ") + kJobColumns + ", " + kKeptColumns +
                      " FROM records WHERE kind = 3 AND tenant = ?"
                      " AND (expires IS NULL OR expires > ?)";
    if (one) {
        sql += " AND job = ?";
    } else {
        sql +=
            " AND (? = '' OR (created, job) < (SELECT created, job FROM records"
            " WHERE kind = 3 AND tenant = ? AND job = ?))"
            " AND (? = '' OR ? = CASE WHEN process IS NOT NULL"
            " THEN (CASE status WHEN 'queued' THEN status ELSE 'in_progress' END)"
            " WHEN status IN ('', 'queued') THEN 'failed' ELSE status END)"
            " ORDER BY created DESC, job DESC LIMIT ?";
    }
    Statement row = database_.prepare(sql);
    row.bind(query.tenant).bind(unix_seconds);
    if (one) {
        row.bind(query.id);
    } else {
        row.bind(query.after).bind(query.tenant).bind(query.after);
        row.bind(query.status).bind(query.status).bind(static_cast<int64_t>(query.limit));
    }
    Statement::Step step = row.next();
    for (; step == Statement::Step::row; step = row.next()) {
        operation.jobs.push_back(read_job(row, one, operation.unreadable));
    }
    return step == Statement::Step::done;
}

// Files are removed when the row is: what is left of a transaction that fails is removed by the
// store's sweep.
bool RecordsFile::remove_job(RecordOperation &operation, int64_t unix_seconds) {
    if (!find_jobs(operation, unix_seconds)) {
        return false;
    }
    if (operation.jobs.empty()) {
        return true;
    }
    const JobRecord &job = operation.jobs.front();
    Statement change = database_.prepare(
        job.state == JobState::running
            ? "UPDATE records SET cancelled = 1 WHERE kind = 3 AND tenant = ? AND job = ?"
            : "DELETE FROM records WHERE kind = 3 AND tenant = ? AND job = ?"
              " RETURNING file || char(10) || images");
    change.bind(job.about.tenant).bind(job.about.id);
    std::string files;
    Statement::Step step = change.next();
    for (; step == Statement::Step::row; step = change.next()) {
        files = change.text(0);
    }
    for (size_t start = 0; start < files.size();) {
        const size_t end = std::min(files.find('\n', start), files.size());
        if (end > start) {
            (void)unlink(files.substr(start, end - start).c_str());
        }
        start = end + 1;
    }
    return step == Statement::Step::done &&
           (job.state == JobState::running || remove_messages(database_, job.about.id));
}

bool RecordsFile::note_waiting(RecordOperation &operation) {
    Statement update = database_.prepare(
        "UPDATE records SET status = ? WHERE id = ? AND process = ? AND cancelled = 0");
    const bool done = update.bind(std::string_view(operation.waits ? "queued" : ""))
                          .bind(to_text(operation.ids.front()))
                          .bind(identity_)
                          .run();
    operation.cancelled = database_.changes() == 0;
    return done;
}

bool RecordsFile::note(const RecordOperation &operation) {
    Statement update =
        database_.prepare("UPDATE records SET making = ? WHERE id = ? AND process = ?");
    return update.bind(operation.making).bind(to_text(operation.ids.front())).bind(identity_).run();
}

bool RecordsFile::take_over(RecordOperation &operation, int64_t unix_seconds) {
    operation.orphans.clear();
    struct Orphan {
        OrphanedJob job;
        std::string process;
        bool is_hopeless = false;
    };
    std::vector<Orphan> found;
    Statement row = database_.prepare(
        "SELECT id, asked, owner, request_id, keep, making, process, owners, kind FROM records"
        " WHERE process IS NOT NULL AND process <> ? AND making <> ''");
    row.bind(identity_);
    Statement::Step step = row.next();
    for (; step == Statement::Step::row && found.size() < kTakenAtOnce; step = row.next()) {
        const auto id = parse_sha256(row.text(0));
        const std::string process = row.text(6);
        if (id && !is_running(process)) {
            found.push_back({{*id, static_cast<RecordKind>(row.integer(8)),
                              parse_sha256(row.text(1)).value_or(Sha256{}), row.text(2),
                              row.text(3), row.integer(4), row.text(5)},
                             process,
                             row.integer(7) >= kMaxOwners});
        }
    }
    row.reset();
    for (Orphan &orphan : found) {
        if (orphan.is_hopeless) {
            if (!note_interrupted(orphan.job.id, orphan.job.kind, unix_seconds)) {
                return false;
            }
            continue;
        }
        if (!take_one(orphan.job.id, orphan.process)) {
            return false;
        }
        if (database_.changes() == 1) {
            operation.orphans.push_back(std::move(orphan.job));
        }
    }
    return step != Statement::Step::failed;
}

bool RecordsFile::take_one(const RecordId &id, const std::string &process) {
    Statement take = database_.prepare(
        "UPDATE records SET process = ?, owners = owners + 1, ended = 0"
        " WHERE id = ? AND process = ?");
    return take.bind(identity_).bind(to_text(id)).bind(process).run();
}

bool RecordsFile::finish(const RecordEnd &end, int64_t unix_seconds) {
    Statement update = database_.prepare(
        "UPDATE records SET process = NULL, making = '', facts = ?, file = ?, file_bytes = ?, "
        "bytes = ?,"
        " expires = ?, model = ?, images = ?, status = ?, ended = ?"
        " WHERE id = ? AND ? IN (request_id, '') AND process = ?");
    return update.bind(end.facts)
        .bind(end.file)
        .bind(static_cast<int64_t>(end.file_bytes))
        .bind(static_cast<int64_t>(end.bytes))
        .bind(end.expires)
        .bind(end.model)
        .bind(end.images)
        .bind(end.status)
        .bind(unix_seconds)
        .bind(to_text(end.id))
        .bind(end.request_id)
        .bind(identity_)
        .run();
}

bool RecordsFile::put(const RecordEnd &end, int64_t unix_seconds) {
    Statement insert = database_.prepare(
        "INSERT OR REPLACE INTO records"
        " (id, kind, owner, asked, request_id, process, keep, created, expires, facts, file,"
        " file_bytes, bytes, model, images)"
        " VALUES (?, ?, ?, '', ?, NULL, 0, ?, ?, ?, ?, ?, ?, ?, ?)");
    return insert.bind(to_text(end.id))
        .bind(static_cast<int64_t>(end.kind))
        .bind(end.owner)
        .bind(end.request_id)
        .bind(unix_seconds)
        .bind(end.expires)
        .bind(end.facts)
        .bind(end.file)
        .bind(static_cast<int64_t>(end.file_bytes))
        .bind(static_cast<int64_t>(end.bytes))
        .bind(end.model)
        .bind(end.images)
        .run();
}

// Files are not removed here: the store removes them when their own time is over.
bool RecordsFile::sweep(int64_t unix_seconds) {
    Statement drop = database_.prepare(
        "DELETE FROM records WHERE id IN (SELECT id FROM records WHERE expires <= ? LIMIT ?)");
    if (!drop.bind(unix_seconds).bind(kSweptAtOnce).run()) {
        return false;
    }
    struct Left {
        RecordId id{};
        RecordKind kind = RecordKind::keyed;
        int64_t since = 0;  // when a sweep has seen it first; 0: now
    };
    std::vector<Left> left;
    Statement running = database_.prepare(
        "SELECT id, kind, process, ended FROM records"
        " WHERE process IS NOT NULL AND making = ''");  // others are taken over
    Statement::Step step = running.next();
    for (; step == Statement::Step::row; step = running.next()) {
        const auto id = parse_sha256(running.text(0));
        if (id && !is_running(running.text(2))) {
            left.push_back({*id, static_cast<RecordKind>(running.integer(1)), running.integer(3)});
        }
    }
    running.reset();
    for (const Left &one : left) {
        const bool is_job = one.kind == RecordKind::job;
        const bool is_over =
            is_job || (one.since != 0 && unix_seconds >= one.since + kForTakingOver);
        const bool done = is_over          ? note_interrupted(one.id, one.kind, unix_seconds)
                          : one.since == 0 ? note_death(one.id, unix_seconds)
                                           : true;
        if (!done) {
            return false;
        }
    }
    return step == Statement::Step::done;
}

// Those who wait get time to take it over.
bool RecordsFile::note_death(const RecordId &id, int64_t unix_seconds) {
    Statement note = database_.prepare("UPDATE records SET ended = ? WHERE id = ?");
    return note.bind(unix_seconds).bind(to_text(id)).run();
}

}  // namespace gateway

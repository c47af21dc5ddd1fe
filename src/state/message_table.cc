#include "state/message_table.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/bytes/sha256.h"
#include "core/webhooks/receiver.h"
#include "state/process_identity.h"

namespace gateway {

namespace {

constexpr int64_t kReadOfParty = 1'000;                // messages that are looked at for one turn
constexpr int64_t kLongestKept = 2 * 86'400;           // seconds after the end of the job
constexpr int64_t kLongestClaim = 120;                 // seconds: an attempt is much shorter
constexpr int64_t kGoneForget = int64_t{30} * 86'400;  // seconds
constexpr int64_t kGoneReceivers = 1'000;              // of one party
constexpr int kPartiesAtOnce = 200;                    // that one claim looks at

constexpr const char *kMessageTables = R"sql(
CREATE TABLE IF NOT EXISTS messages (
    id TEXT PRIMARY KEY,           -- webhook-id
    job TEXT NOT NULL,
    caller TEXT NOT NULL,          -- the id of the caller's key or token: whose secret signs it
    party TEXT NOT NULL,           -- whose messages take turns with those of others
    url TEXT NOT NULL,
    host TEXT NOT NULL,            -- scheme, host and port of the URL
    receiver TEXT NOT NULL,        -- a hash of the URL
    rules TEXT NOT NULL,           -- which settings of a location it goes by
    operation TEXT NOT NULL,
    model TEXT NOT NULL,           -- as requested
    created INTEGER NOT NULL,      -- unix seconds, of the job
    ended INTEGER NOT NULL DEFAULT 0,
    expires INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT '',  -- completed, failed or cancelled
    due INTEGER,                   -- when it is sent next; NULL: the job has not ended
    attempts INTEGER NOT NULL DEFAULT 0,
    begun INTEGER,                 -- when it was sent first
    process TEXT,                  -- that sends it now
    claimed INTEGER                -- since when
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS messages_of_jobs ON messages (job);
CREATE INDEX IF NOT EXISTS messages_of_parties ON messages (party, due, host);
CREATE INDEX IF NOT EXISTS messages_due ON messages (due) WHERE process IS NULL;
CREATE INDEX IF NOT EXISTS messages_in_progress ON messages (process) WHERE process IS NOT NULL;
CREATE TABLE IF NOT EXISTS gone_receivers (
    party TEXT NOT NULL,
    receiver TEXT NOT NULL,        -- a hash of the URL that was answered with 410
    since INTEGER NOT NULL,
    PRIMARY KEY (party, receiver)
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS message_of_ended_job AFTER UPDATE OF ended ON records
WHEN NEW.kind = 3 AND NEW.ended <> 0 AND OLD.ended = 0 BEGIN
    UPDATE messages SET due = NEW.ended, ended = NEW.ended, expires = coalesce(NEW.expires, 0),
        status = CASE WHEN NEW.facts = '' OR NEW.status = '' THEN 'failed' ELSE NEW.status END
    WHERE job = NEW.job AND due IS NULL; END;
CREATE TRIGGER IF NOT EXISTS message_of_forgotten_job AFTER DELETE ON records
WHEN OLD.kind = 3 BEGIN
    DELETE FROM messages WHERE job = OLD.job AND due IS NULL; END;
)sql";

constexpr const char *kMessageColumns =
    "id, caller, url, rules, job, status, operation, model, created, ended, expires, attempts,"
    " begun, party, receiver";

Message read_message(const Statement &row) {
    Message message;
    message.id = row.text(0);
    message.caller = row.text(1);
    message.url = row.text(2);
    message.rules = row.text(3);
    message.job = row.text(4);
    message.status = row.text(5);
    message.operation = row.text(6);
    message.model = row.text(7);
    message.created = row.integer(8);
    message.ended = row.integer(9);
    message.expires = row.integer(10);
    message.attempts = row.integer(11);
    message.begun = row.integer(12);
    return message;
}

std::optional<bool> is_gone(Database &database, const std::string &party,
                            const std::string &receiver) {
    Statement row =
        database.prepare("SELECT 1 FROM gone_receivers WHERE party = ? AND receiver = ?");
    const Statement::Step step = row.bind(party).bind(receiver).next();
    return step == Statement::Step::failed ? std::nullopt
                                           : std::optional(step == Statement::Step::row);
}

// Chooses messages that are due: of each party and each host at most so many as may be in progress,
// and one of each party after another while there is room.
class Choice {
 public:
    Choice(Database &database, size_t room, int64_t unix_seconds)
        : database_(database), room_(room), now_(unix_seconds) {}

    bool choose(const std::string &after) { return count_in_progress() && visit_parties(after); }
    // Takes them. Once.
    [[nodiscard]] std::vector<std::string> ids();
    // The party that had the last turn.
    [[nodiscard]] const std::string &last() const { return last_; }
    [[nodiscard]] bool has_more() const { return has_more_ || chosen() > room_; }
    [[nodiscard]] bool is_blocked() const { return is_blocked_; }

 private:
    struct Candidate {
        std::string id;
        std::string host;
        std::string party;
    };

    [[nodiscard]] size_t chosen() const {
        size_t count = 0;
        for (const auto &turn : turns_) {
            count += turn.size();
        }
        return count;
    }
    bool count_in_progress();
    bool visit_parties(const std::string &after);
    bool visit(const std::string &party);

    Database &database_;
    size_t room_;
    int64_t now_;
    std::map<std::string, int64_t> parties_;  // how many are in progress
    std::map<std::string, int64_t> hosts_;
    std::vector<std::vector<Candidate>> turns_;  // of each party that has some
    std::string last_;
    bool has_more_ = false;
    bool is_blocked_ = false;  // some are due whose party or host has as many as it may
};

bool Choice::count_in_progress() {
    Statement row = database_.prepare("SELECT party, host FROM messages WHERE process IS NOT NULL");
    Statement::Step step = row.next();
    for (; step == Statement::Step::row; step = row.next()) {
        ++parties_[row.text(0)];
        ++hosts_[row.text(1)];
    }
    return step == Statement::Step::done;
}

bool Choice::visit_parties(const std::string &after) {
    Statement next =
        database_.prepare("SELECT party FROM messages WHERE party > ? ORDER BY party LIMIT 1");
    std::string party = after;
    last_ = after;
    bool is_from_start = false;
    for (int visited = 0; visited < kPartiesAtOnce && chosen() < room_; ++visited) {
        next.reset();
        const Statement::Step step = next.bind(party).next();
        if (step == Statement::Step::failed) {
            return false;
        }
        if (step == Statement::Step::done) {
            if (std::exchange(is_from_start, true)) {
                return true;
            }
            party.clear();  // no party has an empty name
            continue;
        }
        party = next.text(0);
        if (is_from_start && party > after) {
            return true;  // all had their turn
        }
        if (!visit(party)) {
            return false;
        }
        last_ = party;
    }
    has_more_ = true;
    return true;
}

bool Choice::visit(const std::string &party) {
    const int64_t left = kMessagesPerParty - parties_[party];
    if (left <= 0) {
        return true;
    }
    Statement row = database_.prepare(
        "SELECT id, host FROM messages WHERE party = ? AND due <= ? AND process IS NULL"
        " ORDER BY due LIMIT ?");
    row.bind(party).bind(now_).bind(kReadOfParty);
    std::vector<Candidate> candidates;
    std::map<std::string, int64_t> own;  // by host
    Statement::Step step = row.next();
    for (; step == Statement::Step::row; step = row.next()) {
        if (static_cast<int64_t>(candidates.size()) == left) {
            is_blocked_ = true;
            break;
        }
        std::string host = row.text(1);
        int64_t &count = own[host];
        if (hosts_[host] + count < kMessagesPerHost) {
            ++count;
            candidates.push_back({row.text(0), std::move(host), party});
        } else {
            is_blocked_ = true;
        }
    }
    if (!candidates.empty()) {
        turns_.push_back(std::move(candidates));
    }
    return step != Statement::Step::failed;
}

// The places of a host are given to one party after another, too: a party with many messages to a
// host leaves places to those that have few.
std::vector<std::string> Choice::ids() {
    std::vector<std::string> all;
    size_t longest = 0;
    for (const auto &candidates : turns_) {
        longest = std::max(longest, candidates.size());
    }
    for (size_t turn = 0; turn < longest; ++turn) {
        for (const auto &candidates : turns_) {
            if (turn >= candidates.size()) {
                continue;
            }
            if (all.size() == room_) {
                has_more_ = true;
                return all;
            }
            int64_t &on_host = hosts_[candidates[turn].host];
            if (on_host >= kMessagesPerHost) {
                is_blocked_ = true;
                continue;
            }
            ++on_host;
            all.push_back(candidates[turn].id);
            last_ = candidates[turn].party;
        }
    }
    return all;
}

}  // namespace

bool prepare_messages(Database &database) {
    return database.run(kMessageTables);
}

std::optional<Claimed::Answer> check_webhook(Database &database, const WebhookTarget &target) {
    const auto gone = is_gone(database, target.party, to_hex(sha256(target.url)));
    if (!gone) {
        return std::nullopt;
    }
    if (*gone) {
        return Claimed::Answer::receiver_gone;
    }
    Statement row = database.prepare("SELECT count(*) FROM messages WHERE party = ?");
    if (row.bind(target.party).next() != Statement::Step::row) {
        return std::nullopt;
    }
    return row.integer(0) >= kMessagesWaiting ? Claimed::Answer::too_many_messages
                                              : Claimed::Answer::ours;
}

bool add_message(Database &database, const RecordClaim &claim, int64_t unix_seconds) {
    const WebhookTarget &target = claim.webhook;
    Statement insert = database.prepare(
        "INSERT INTO messages (id, job, caller, party, url, host, receiver, rules, operation,"
        " model, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    return insert.bind(target.message_id)
        .bind(claim.job.id)
        .bind(claim.owner)
        .bind(target.party)
        .bind(target.url)
        .bind(origin_of_receiver(target.url))
        .bind(to_hex(sha256(target.url)))
        .bind(target.rules)
        .bind(claim.job.operation)
        .bind(claim.job.model)
        .bind(unix_seconds)
        .run();
}

bool remove_messages(Database &database, const std::string &job) {
    Statement drop = database.prepare("DELETE FROM messages WHERE job = ? AND due IS NOT NULL");
    return drop.bind(job).run();
}

bool claim_messages(Database &database, const std::string &process, const MessageClaim &claim,
                    ClaimedMessages &claimed, int64_t unix_seconds) {
    claimed = {};
    claimed.after = claim.after;
    if (claim.counts) {
        Statement count = database.prepare("SELECT count(*) FROM messages WHERE due IS NOT NULL");
        if (count.next() != Statement::Step::row) {
            return false;
        }
        claimed.waiting = count.integer(0);
    }
    Statement release = database.prepare(
        "UPDATE messages SET process = NULL WHERE process IS NOT NULL AND claimed < ?");
    if (!release.bind(unix_seconds - kLongestClaim).run()) {
        return false;
    }
    Statement any =
        database.prepare("SELECT 1 FROM messages WHERE due <= ? AND process IS NULL LIMIT 1");
    if (const auto step = any.bind(unix_seconds).next(); step != Statement::Step::row) {
        return step == Statement::Step::done;
    }
    Choice choice(database, claim.room, unix_seconds);
    if (!choice.choose(claim.after)) {
        return false;
    }
    Statement take = database.prepare(
        std::string("UPDATE messages SET process = ?, claimed = ?, attempts = attempts + 1,"
                    " begun = coalesce(begun, ?) WHERE id = ? AND process IS NULL RETURNING ") +
        kMessageColumns);
    for (const std::string &id : choice.ids()) {
        take.reset();
        take.bind(process).bind(unix_seconds).bind(unix_seconds).bind(id);
        if (take.next() != Statement::Step::row) {
            return false;
        }
        Message message = read_message(take);
        const auto gone = is_gone(database, take.text(13), take.text(14));
        if (!gone || take.next() != Statement::Step::done) {
            return false;
        }
        if (*gone) {
            Statement drop = database.prepare("DELETE FROM messages WHERE id = ?");
            if (!drop.bind(id).run()) {
                return false;
            }
            ++claimed.dropped;
        } else {
            claimed.messages.push_back(std::move(message));
        }
    }
    claimed.after = choice.last();
    claimed.more = choice.has_more();
    claimed.blocked = choice.is_blocked();
    return true;
}

namespace {

bool note_gone(Database &database, const std::string &message, int64_t unix_seconds) {
    Statement insert = database.prepare(
        "INSERT OR REPLACE INTO gone_receivers SELECT party, receiver, ? FROM messages WHERE id = "
        "?");
    Statement bound = database.prepare(
        "DELETE FROM gone_receivers WHERE (party, receiver) IN (SELECT party, receiver FROM"
        " gone_receivers WHERE party = (SELECT party FROM messages WHERE id = ?)"
        " ORDER BY since DESC LIMIT -1 OFFSET ?)");
    return insert.bind(unix_seconds).bind(message).run() &&
           bound.bind(message).bind(kGoneReceivers).run();
}

}  // namespace

bool end_message(Database &database, const std::string &process, const MessageEnd &end,
                 int64_t unix_seconds) {
    if (end.what == MessageEnd::What::again) {
        Statement put_off = database.prepare(
            "UPDATE messages SET process = NULL, due = ? WHERE id = ? AND process = ?");
        return put_off.bind(end.due).bind(end.id).bind(process).run();
    }
    if (end.what == MessageEnd::What::gone && !note_gone(database, end.id, unix_seconds)) {
        return false;
    }
    Statement drop = database.prepare("DELETE FROM messages WHERE id = ?");
    return drop.bind(end.id).run();
}

bool sweep_messages(Database &database, int64_t unix_seconds) {
    // Without a location that sends messages, nobody gives them up.
    Statement old = database.prepare("DELETE FROM messages WHERE due IS NOT NULL AND ended < ?");
    if (!old.bind(unix_seconds - kLongestKept).run()) {
        return false;
    }
    Statement forget = database.prepare("DELETE FROM gone_receivers WHERE since < ?");
    if (!forget.bind(unix_seconds - kGoneForget).run()) {
        return false;
    }
    Statement owners =
        database.prepare("SELECT DISTINCT process FROM messages WHERE process IS NOT NULL");
    std::vector<std::string> dead;
    Statement::Step step = owners.next();
    for (; step == Statement::Step::row; step = owners.next()) {
        if (std::string process = owners.text(0); !is_running(process)) {
            dead.push_back(std::move(process));
        }
    }
    Statement release = database.prepare("UPDATE messages SET process = NULL WHERE process = ?");
    for (const std::string &process : dead) {
        release.reset();
        if (!release.bind(process).run()) {
            return false;
        }
    }
    return step == Statement::Step::done;
}

}  // namespace gateway

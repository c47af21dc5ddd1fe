// The file of records beside the state file: requests with an Idempotency-Key, shared requests, and
// the index of the cache. Its operations run in groups, each group in one transaction.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "core/sharing/records.h"
#include "core/webhooks/message.h"
#include "state/database.h"

namespace gateway {

struct RecordOperation {
    enum class Kind : uint8_t {
        claim,
        find,
        is_wanted,
        find_jobs,
        remove_job,
        is_cancelled,
        note_waiting,
        take_over,
        note,
        finish,
        forget,
        put,
        sweep,
        claim_messages,
        end_message,
    };
    Kind kind = Kind::sweep;
    RecordClaim claim;
    RecordEnd end;
    std::vector<RecordId> ids;  // to find; of the others, the first one
    std::string request_id;     // of the request that has claimed the record
    JobQuery query;
    std::string making;  // to note
    bool waits = false;  // to note
    MessageClaim message_claim;
    MessageEnd message_end;

    // The results:
    Claimed claimed;
    std::optional<size_t> found;
    KeptRecord kept;
    bool wanted = false;
    bool cancelled = false;
    std::vector<JobRecord> jobs;
    std::vector<OrphanedJob> orphans;
    bool unreadable = false;  // the images of a job are there, but cannot be read now
    ClaimedMessages messages;

    // Whether it must be done sooner or later, and has no answer.
    [[nodiscard]] bool must_be_done() const {
        return kind == Kind::finish || kind == Kind::forget || kind == Kind::note ||
               kind == Kind::end_message;
    }
};

class RecordsFile {
 public:
    // Creates the file if need be. `identity` is that of this process.
    static tl::expected<RecordsFile, StateProblem> open(const std::string &path,
                                                        std::string identity);

    // All of them or, after a problem, none.
    tl::expected<void, StateProblem> run(std::span<RecordOperation *const> operations,
                                         int64_t unix_seconds);

    // Whether the file of this name is still the one that is open.
    [[nodiscard]] bool is_in_place() const;

 private:
    RecordsFile(Database database, std::string path, std::string identity);
    bool run_one(RecordOperation &operation, int64_t unix_seconds);
    bool claim(const RecordClaim &claim, Claimed &claimed, int64_t unix_seconds);
    bool insert(const RecordClaim &claim, int64_t unix_seconds);
    bool note_interrupted(const RecordId &id, RecordKind kind, int64_t unix_seconds);
    bool check_room(const RecordClaim &claim, Claimed::Answer &answer);
    bool find(RecordOperation &operation, int64_t unix_seconds);
    bool is_wanted(RecordOperation &operation);
    bool find_jobs(RecordOperation &operation, int64_t unix_seconds);
    bool remove_job(RecordOperation &operation, int64_t unix_seconds);
    bool is_cancelled(RecordOperation &operation);
    bool note_waiting(RecordOperation &operation);
    bool take_over(RecordOperation &operation, int64_t unix_seconds);
    bool take_one(const RecordId &id, const std::string &process);
    bool note(const RecordOperation &operation);
    bool finish(const RecordEnd &end, int64_t unix_seconds);
    bool forget(const RecordOperation &operation, int64_t unix_seconds);
    bool put(const RecordEnd &end, int64_t unix_seconds);
    bool sweep(int64_t unix_seconds);
    bool note_death(const RecordId &id, int64_t unix_seconds);

    Database database_;
    std::optional<Statement> find_;  // the statement that runs most often
    std::string path_;
    std::string identity_;
    uint64_t device_ = 0;
    uint64_t inode_ = 0;
};

}  // namespace gateway

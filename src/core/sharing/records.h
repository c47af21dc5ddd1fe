// The port to what the gateway remembers about requests, over all workers: requests with an
// Idempotency-Key, requests in progress that others may share, and results in the cache.
//
//   (none) --claim--> running --finish--> ended --(its time is over)--> (none)
//             \--forget, or its worker has died--> (none), or ended as interrupted
//
// When the worker has died, the next request that claims the record takes it over, if it is not one
// of a job. If its provider works on noted jobs, take_over() gives it a new worker.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/bytes.h"
#include "core/bytes/sha256.h"
#include "core/ports.h"
#include "core/webhooks/receiver.h"

namespace gateway {

using RecordId = Sha256;

enum class RecordKind : uint8_t {
    keyed,   // of a request with an Idempotency-Key
    shared,  // of a request in progress that equal requests may share
    cached,  // a result
    job,     // of a request whose client asks for the result later
};

// What a job is about, beside its result.
struct JobAbout {
    std::string id;      // as clients write it
    std::string tenant;  // who may see it; empty: whoever knows the id
    std::string operation;
    std::string model;   // as requested
    std::string format;  // the requested form of the images
};

// What ended records keep: how the request ended, and the base64 of its images.
struct KeptRecord {
    std::string facts;  // see kept_result.h; empty: the request was interrupted
    Bytes images;       // of all images, in an open file; empty: none
    std::string request_id;
    int64_t created = 0;  // unix seconds
    int64_t expires = 0;
};

struct RecordClaim {
    RecordId id{};
    RecordKind kind = RecordKind::keyed;
    Sha256 order{};     // what is asked for
    std::string owner;  // the id of the caller
    std::string request_id;
    int64_t keep = 0;     // seconds, after the end
    std::string store;    // the directory that keeps the result
    size_t kept_max = 0;  // bytes that all records may keep there; 0: no limit
    JobAbout job;         // only for a job

    // Of a job; without a URL: none.
    WebhookTarget webhook;
};

struct Claimed {
    enum class Answer : uint8_t {
        ours,            // this request is the first
        running,         // another one is in progress
        ended,           // another one has ended: see `kept`
        other_order,     // another one asked for something else
        interrupted,     // another one was in progress when its worker died
        taken_over,      // the same, and now the record is this request's
        full,            // as much is kept as may be kept
        full_for_owner,  // the store is nearly full, and the caller keeps its share of it
        unavailable,     // the records cannot be read or written

        // The receiver of the webhook has refused messages, or too many of this party wait.
        receiver_gone,
        too_many_messages,
    };
    Answer answer = Answer::unavailable;
    std::string request_id;  // of the other request; of a record that is taken over, it stays
    int32_t process = 0;     // of a record that is taken over: the number of the process that died
    std::optional<KeptRecord> kept;
};

// A result that ends a record, or that is put into the cache.
struct RecordEnd {
    RecordId id{};
    std::string facts;
    std::string file;  // the path of the file with the images; empty: none
    size_t file_bytes = 0;
    size_t bytes = 0;  // of all files that are kept for it
    int64_t expires = 0;
    std::string model;       // "provider/model"
    std::string images;      // paths of kept images, one per line
    std::string status;      // of a job
    std::string request_id;  // of the request that has claimed the record
    // Only for the cache:
    RecordKind kind = RecordKind::cached;
    std::string owner;
};

enum class JobState : uint8_t { running, ended, interrupted };

// A job as it is recorded.
struct JobRecord {
    JobAbout about;
    JobState state = JobState::running;
    int64_t created = 0;
    int64_t ended = 0;  // unix seconds; 0: it has not
    // Once it has ended; empty: it was interrupted. "queued": it waits, or was interrupted while it
    // waited.
    std::string status;
    KeptRecord kept;  // if it has ended
};

// A making whose process has died while its provider worked on jobs that were noted.
struct OrphanedJob {
    RecordId id{};
    RecordKind kind = RecordKind::job;
    Sha256 order{};
    std::string owner;
    std::string request_id;
    int64_t keep = 0;
    std::string making;  // as it was noted
};

// Whether it was noted that a job waits, or begins.
enum class WaitNoted : uint8_t {
    yes,
    cancelled,    // its owner wants it to be cancelled
    unavailable,  // the records cannot be written
};

struct JobQuery {
    std::string tenant;
    std::string id;  // empty: a list of all jobs of the tenant, newest first
    size_t limit = 0;
    std::string after;   // the id of the job before the first one of the list
    std::string status;  // empty: any
};

class Records {
 public:
    virtual ~Records() = default;

    // For each of these, destroying the task drops the answer, but not the operation.
    virtual std::unique_ptr<Task> claim(RecordClaim claim, std::function<void(Claimed)> then) = 0;
    // The first of the records that has ended and has not expired. Fails as if there were none.
    virtual std::unique_ptr<Task> find(
        std::vector<RecordId> ids, std::function<void(std::optional<size_t>, KeptRecord)> then) = 0;
    // Whether anyone waits for the end of this record in another worker. If nobody does, the record
    // is forgotten.
    virtual std::unique_ptr<Task> is_wanted(RecordId id, std::string request_id,
                                            std::function<void(bool)> then) = 0;

    // The job, or the jobs; an empty list if there is none. Nothing if the records cannot be read.
    virtual std::unique_ptr<Task> find_jobs(
        JobQuery query, std::function<void(std::optional<std::vector<JobRecord>>)> then) = 0;
    // Removes a job that has ended, with its images, or asks its worker to cancel it. The answer is
    // the job as it was before; nothing: there is none, or the records cannot be read.
    virtual std::unique_ptr<Task> remove_job(
        JobQuery query, std::function<void(std::optional<JobRecord>)> then) = 0;

    // Notes that the job waits, or that it begins now. Then it is known that nothing was asked of a
    // provider before it begins.
    virtual std::unique_ptr<Task> note_waiting(RecordId id, bool waits,
                                               std::function<void(WaitNoted)> then) = 0;

    // Whether the owner of the job has asked to cancel it.
    virtual std::unique_ptr<Task> is_cancelled(RecordId id, std::function<void(bool)> then) = 0;

    // Makes this process the owner of makings whose process has died, of a few at a time. What is
    // dropped after that is lost: the answer must be used.
    virtual std::unique_ptr<Task> take_over(std::function<void(std::vector<OrphanedJob>)> then) = 0;

    // These are repeated until they succeed.
    // Writes down what another process needs to go on with a making; see written_making.h.
    // Replaces what was noted before.
    virtual void note(RecordId id, std::string making) noexcept = 0;
    virtual void finish(RecordEnd end) noexcept = 0;
    // A record that was taken over, and has another request's id, ends as interrupted instead.
    virtual void forget(RecordId id, std::string request_id) noexcept = 0;
    // Once, since a cache may lose entries.
    virtual void put(RecordEnd end) noexcept = 0;
};

}  // namespace gateway

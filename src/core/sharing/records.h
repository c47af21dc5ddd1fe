// The port to what the gateway remembers about requests, over all workers: requests with an
// Idempotency-Key, requests in progress that others may share, and results in the cache.
//
//   (none) --claim--> running --finish--> ended --(its time is over)--> (none)
//             \--forget, or its worker has died--> (none), or ended as interrupted
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

namespace gateway {

using RecordId = Sha256;

enum class RecordKind : uint8_t {
    keyed,   // of a request with an Idempotency-Key
    shared,  // of a request in progress that equal requests may share
    cached,  // a result
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
    size_t kept_max = 0;  // bytes that all records may keep together; 0: no limit
};

struct Claimed {
    enum class Answer : uint8_t {
        ours,         // this request is the first
        running,      // another one is in progress
        ended,        // another one has ended: see `kept`
        other_order,  // another one asked for something else
        interrupted,  // another one was in progress when its worker died
        full,         // as much is kept as may be kept
        unavailable,  // the records cannot be read or written
    };
    Answer answer = Answer::unavailable;
    std::string request_id;  // of the other request
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
    std::string request_id;  // of the request that has claimed the record
    // Only for the cache:
    RecordKind kind = RecordKind::cached;
    std::string owner;
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

    // These are repeated until they succeed.
    virtual void finish(RecordEnd end) noexcept = 0;
    virtual void forget(RecordId id, std::string request_id) noexcept = 0;
    // Once, since a cache may lose entries.
    virtual void put(RecordEnd end) noexcept = 0;
};

}  // namespace gateway

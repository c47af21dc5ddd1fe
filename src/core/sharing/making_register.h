// The shared makings of a worker, by their ids.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "core/sharing/shared_making.h"

namespace gateway {

class MakingRegister {
 public:
    // All arguments must outlive the register.
    MakingRegister(EventLoop &loop, Health &health, MakingHome &home);
    // Stops all makings.
    ~MakingRegister();
    MakingRegister(const MakingRegister &) = delete;
    MakingRegister &operator=(const MakingRegister &) = delete;

    // Null if there is none.
    [[nodiscard]] std::shared_ptr<SharedMaking> find(const RecordId &id) const;
    // Whether a request is about to begin this making. Others wait until it has.
    [[nodiscard]] bool is_promised(const RecordId &id) const { return promised_.contains(id); }
    void promise(const RecordId &id) { promised_.insert(id); }
    void break_promise(const RecordId &id) noexcept { promised_.erase(id); }
    std::shared_ptr<SharedMaking> begin(std::shared_ptr<Order> order, SharingTerms terms);
    // Called by the making when it is over, perhaps from its own callbacks: it is destroyed later.
    void remove(const RecordId &id) noexcept;
    [[nodiscard]] size_t size() const { return makings_.size(); }
    struct Jobs {
        int64_t running = 0;
        int64_t waiting = 0;
    };
    [[nodiscard]] Jobs count_jobs() const;

 private:
    Health &health_;
    MakingHome &home_;
    std::map<RecordId, std::shared_ptr<SharedMaking>> makings_;
    std::multimap<RecordId, std::shared_ptr<SharedMaking>> over_;  // gets nodes: no allocation
    std::set<RecordId> promised_;
    std::unique_ptr<Alarm> bury_;  // destroys those that are over
};

class JobQueue;

// What a request needs to share makings.
struct SharingPorts {
    MakingRegister &running;
    Records *records = nullptr;  // null: only this worker knows the results
    JobQueue *queue = nullptr;   // null: no job waits
    KeysInUse *keys = nullptr;   // what workers note in shared memory; null: nothing
};

}  // namespace gateway

// Writes down what is used, in groups, on the task pool; and brings it back when nginx was started.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/access/key_ring.h"
#include "core/limits/counted.h"
#include "core/limits/ledger.h"
#include "core/limits/usage_book.h"
#include "core/ports.h"
#include "state/usage_batch.h"

namespace gateway {

// image_gateway_state
struct StateRules {
    std::string path;  // empty: nothing is kept
    int keep_days = 90;
    bool refuse = false;  // serve nobody whose request could not be written down
    std::string where;    // in the configuration: "FILE:LINE"
};

class UsageWriter final : public UsageBook {
 public:
    using Keys = std::vector<std::shared_ptr<const KeyRing>>;

    // `counted` tells what the ledger counts. One of the workers looks from time to time whether
    // the file is sound.
    UsageWriter(const StateRules &rules, const Clock &clock, EventLoop &loop, TaskPool &tasks,
                Ledger &ledger, std::function<std::vector<Counted>()> counted, int32_t process,
                bool checks);
    // Writes what is left, on this thread: there is no loop any more.
    ~UsageWriter() override;
    UsageWriter(const UsageWriter &) = delete;
    UsageWriter &operator=(const UsageWriter &) = delete;

    // Before the first request: has what was used before brought back, on the task pool. Waits for
    // that only as long as it takes where nobody else has locked the file; then
    // knows_past() tells. `keys` are those in use: what they have spent is brought back before what
    // others have.
    void start(const std::function<bool(int32_t)> &is_alive, Keys keys);

    // What workers that are gone have counted and not written.
    void write_what_is_left();

    void write(UsageRecord record) override;
    [[nodiscard]] bool is_open() const override;
    [[nodiscard]] bool knows_past() const override { return restored_ || unreadable_; }

 private:
    struct Shared;
    struct Job;

    void write_later(Milliseconds delay);
    void write_now();
    void begin_job(Ledger::Restoring state);
    void prepare_rebuild(Job &job);
    void on_written(Job &job);
    void restore(const Job &job);
    void take_sums(Job &job);
    void tell(const std::string &problem, size_t dropped);
    static void tell_note(const Job &job);

    StateRules rules_;
    const Clock &clock_;
    EventLoop &loop_;
    TaskPool &tasks_;
    Ledger &ledger_;
    std::function<std::vector<Counted>()> counted_;
    int32_t process_;
    std::function<bool(int32_t)> is_alive_;
    Keys keys_;
    bool has_written_ = false;  // anything of the budget records, as far as this worker knows
    uint64_t memory_ = 0;
    std::shared_ptr<Shared> shared_;  // with a thread that may outlive this
    UsageBatch waiting_;
    std::shared_ptr<Job> job_;  // that is being written
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    bool failing_ = false;
    bool damaged_ = false;  // what the file must have is written anew next
    bool checks_;
    Milliseconds check_at_{0};
    bool restored_ = false;    // what was used before counts
    bool unreadable_ = false;  // and it cannot be: the file is not just locked
    std::optional<Milliseconds> told_;
    std::optional<Milliseconds> oldest_;  // of what waits
    Milliseconds forgot_{0};
};

}  // namespace gateway

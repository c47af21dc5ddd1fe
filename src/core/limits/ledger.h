// What everybody has used, in memory that all workers share: requests and images by the minute and
// the day, concurrency, money. Plain data under one lock; a worker that dies leaves nothing that
// cannot be swept.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "core/limits/exceeded.h"
#include "core/limits/party.h"
#include "core/limits/quotas.h"
#include "core/ports.h"

namespace gateway {

// Money that was held for a request whose worker died: it may have been spent.
struct Orphaned {
    std::string key;
    MicroUsd usd = 0;
};

class Ledger {
 public:
    // Lays out the region anew, or takes it over as an earlier configuration left it.
    // False when the region is too small or is not ours.
    static bool prepare(std::span<std::byte> region, bool fresh);
    // The smallest region that prepare() takes.
    static size_t least_size();

    explicit Ledger(SharedMemory &memory) : memory_(memory) {}

    // Each of these three takes the lock once, and tells what is left after it. None allocates
    // under it.

    // One request more, for all of them or for none: counts it and takes leases.
    tl::expected<Quotas, Exceeded> enter(std::span<Stake> stakes, Moment now, int32_t process,
                                         int64_t lease_milliseconds);
    // So much more is about to be used, of all of them or of none.
    tl::expected<Quotas, Exceeded> reserve(std::span<Stake> stakes, int64_t images, MicroUsd usd,
                                           Moment now);
    // The end of them: gives back what was reserved and not used, and all leases. What was spent
    // counts whether or not it was reserved.
    Quotas settle(std::span<Stake> stakes, int64_t images_used, MicroUsd spent,
                  Moment now) noexcept;

    // Takes back the leases of processes that are gone and those that have outlived their deadline.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive,
                 const std::function<void(const Orphaned &)> &on_orphaned);

    // What was used before this memory was laid out. The first process to ask may bring it back,
    // or the next if that one is gone; the others wait until it has.
    enum class Restoring : uint8_t { ours, others, done };
    Restoring begin_restoring(int32_t process, const std::function<bool(int32_t)> &is_alive);
    void end_restoring();
    void give_up_restoring();  // another may try
    void restore_spent(const Party &party, Period period, int64_t number, MicroUsd usd, Moment now);
    void restore_images(const Party &party, int64_t images, Moment now);

    // How often this process has found no room since it was last asked.
    [[nodiscard]] size_t take_times_full() { return std::exchange(times_full_, 0); }

 private:
    SharedMemory &memory_;
    size_t times_full_ = 0;
};

}  // namespace gateway

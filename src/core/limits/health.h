// How providers are, as all workers see it: which models fail (breakers), which keys rest, and how
// many calls are under way. In shared memory beside the ledger.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <tl/expected.hpp>
#include <utility>

#include "core/limits/account.h"
#include "core/limits/breaker.h"
#include "core/limits/leases.h"
#include "core/ports.h"

namespace gateway {

// What stands in the way of a call.
enum class Hindrance : uint8_t { breaker_open, keys_resting, busy, model_limit, memory };
std::string_view name_of(Hindrance hindrance);

struct Hindered {
    Hindrance by = Hindrance::busy;
    Milliseconds wait{0};  // when it may be gone
};

// Where a call goes: a model at a provider, and how both are to be treated.
struct Target {
    Account provider{};
    Account model{};  // of this provider
    BreakerRules breaker;
    int max_calls = 0;  // 0: no limit
};

// Permission for one call, which leave() takes back.
struct CallTicket {
    LeaseHandle call;
    Breaker::Pass pass = 0;
};

class Health {
 public:
    // As the ledger's: lays out the region, or takes it over.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id = 0);
    static size_t least_size();

    Health(SharedMemory &memory, int32_t process) : memory_(memory), process_(process) {}

    // May a call start that takes at most so long? Every ticket is followed by leave(). Where
    // there is no room to count it, and its provider has a limit, it may not.
    tl::expected<CallTicket, Hindered> enter(const Target &target, Moment now,
                                             Milliseconds longest);
    void leave(const Target &target, const CallTicket &ticket, Verdict verdict,
               Moment now) noexcept;

    // When each of these (a key, or a key for a model) has rested: milliseconds from now, 0 for
    // those that serve.
    void read_rests(std::span<const Account> names, std::span<int64_t> waits, Moment now) const;
    // It rests for so long, or longer if it rests already. Without a time: for one that grows with
    // each rest until it serves again.
    void rest(const Account &name, std::optional<Milliseconds> time, Moment now) noexcept;
    // They served: a next rest is a first one again.
    void serve(std::span<const Account> names) noexcept;

    // Takes back the calls of workers that are gone.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive);

    // How often a call could not be counted for want of room since this was asked last.
    [[nodiscard]] size_t take_times_full() { return std::exchange(times_full_, 0); }

 private:
    SharedMemory &memory_;
    int32_t process_;
    size_t times_full_ = 0;
};

}  // namespace gateway

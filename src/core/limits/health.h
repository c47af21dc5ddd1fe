// The health of providers, in shared memory beside the ledger: which models fail (breakers), which
// keys rest, and how many calls are running.
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

// Why a call may not start.
enum class Hindrance : uint8_t { breaker_open, keys_resting, busy, model_limit, memory };
std::string_view name_of(Hindrance hindrance);

struct Hindered {
    Hindrance by = Hindrance::busy;
    Milliseconds wait{0};  // until it may have ended
};

// Where a call goes: a model at a provider, with the rules for both.
struct Target {
    Account provider{};
    Account model{};  // of this provider
    BreakerRules breaker;
    int max_calls = 0;  // 0: no limit
};

// The breaker of a model, for people.
struct BreakerView {
    bool is_open = false;
    bool is_half_open = false;
    int64_t wait = 0;  // milliseconds until a call may be admitted
};

// Permission for one call, which leave() takes back.
struct CallTicket {
    LeaseHandle call;
    Breaker::Pass pass = 0;
};

class Health {
 public:
    // Lays out the region, or takes it over, as Ledger::prepare() does.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id = 0);
    static size_t min_size();

    Health(SharedMemory &memory, int32_t process) : memory_(memory), process_(process) {}

    // Asks whether a call may start that takes at most `longest`. Each ticket must be given back by
    // leave(). If the provider has a limit and there is no room to count the call, it may not
    // start.
    tl::expected<CallTicket, Hindered> enter(const Target &target, Moment now,
                                             Milliseconds longest);
    void leave(const Target &target, const CallTicket &ticket, Verdict verdict,
               Moment now) noexcept;

    // How many calls to the provider are in progress, if they are counted.
    [[nodiscard]] int64_t calls_of(const Account &provider) const;
    // For each name (a key, or a key for a model): milliseconds until its rest ends; 0 if it does
    // not rest.
    void read_rests(std::span<const Account> names, std::span<int64_t> waits, Moment now) const;
    // The breakers of these models, as Target::model names them. Changes nothing.
    void read_breakers(std::span<const Account> models, std::span<BreakerView> views,
                       Moment now) const;
    // Lets it rest for this time, or until the end of a longer rest that has begun. Without a time,
    // each rest is longer than the one before, until serve() is called.
    void rest(const Account &name, std::optional<Milliseconds> time, Moment now) noexcept;
    // These were used with success: their next rest is a first one again.
    void serve(std::span<const Account> names) noexcept;

    // Ends the calls of workers that have died.
    size_t sweep(Moment now, const std::function<bool(int32_t)> &is_alive);

    // How often, since the last call of this, there was no room to count a call.
    [[nodiscard]] size_t take_times_full() { return std::exchange(times_full_, 0); }

 private:
    SharedMemory &memory_;
    int32_t process_;
    size_t times_full_ = 0;
};

}  // namespace gateway

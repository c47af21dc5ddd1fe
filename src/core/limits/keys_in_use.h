// Short notes of running processes that others see, also after the process was killed: which
// idempotency keys belong to a request in progress, where no file of records says so, and which
// providers were not asked yet (core/sharing/unasked). Plain data in shared memory beside the
// ledger.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <tl/expected.hpp>
#include <utility>

#include "core/limits/account.h"
#include "core/ports.h"

namespace gateway {

class KeysInUse {
 public:
    // Lays out the region, or takes it over, as Ledger::prepare() does.
    static bool prepare(std::span<std::byte> region, bool fresh, uint64_t id = 0);
    static size_t min_size();

    KeysInUse(SharedMemory &memory, int32_t process, std::function<bool(int32_t)> is_alive)
        : memory_(memory), process_(process), is_alive_(std::move(is_alive)) {}

    // A key that is in use until this object is destroyed, its process dies, or its deadline
    // passes.
    class Hold {
     public:
        Hold(KeysInUse &keys, const Account &key) : keys_(keys), key_(key) {}
        ~Hold() { keys_.release(key_); }
        Hold(const Hold &) = delete;
        Hold &operator=(const Hold &) = delete;

     private:
        KeysInUse &keys_;
        Account key_;
    };

    enum class Refusal : uint8_t {
        in_use,  // by a request in another worker
        full,    // there is no room to note it
    };
    // `deadline` in monotonic milliseconds. This object must outlive the hold.
    tl::expected<std::shared_ptr<const Hold>, Refusal> take(const Account &key, Moment now,
                                                            int64_t deadline);
    // Whether this process has taken the key and not released it, even if it has died since. False
    // if its place was needed for another key.
    [[nodiscard]] bool was_held_by(int32_t process, const Account &key) const;
    // Releases what this process has held, which has died. Its number may still be in use.
    void release_for(int32_t process, const Account &key) noexcept;

 private:
    std::optional<Refusal> note(const Account &key, Moment now, int64_t deadline);
    void release(const Account &key) noexcept;

    SharedMemory &memory_;
    int32_t process_;
    std::function<bool(int32_t)> is_alive_;
};

}  // namespace gateway

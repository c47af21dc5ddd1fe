// The shared memory zones in which all workers count.
#pragma once

#include <initializer_list>

#include "core/limits/robust_mutex.h"
#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

inline constexpr size_t kMinZone = 64 * 1024;

// Declares the zone of image_gateway_zone; throws ConfError.
ngx_shm_zone_t *add_zone(ngx_conf_t *cf, std::string_view name, size_t size);
// Declares the zone for what keys have spent. It always has the same name and size, so that it
// outlives reloads. It contains the lock of both zones.
ngx_shm_zone_t *add_budget_zone(ngx_conf_t *cf, ngx_shm_zone_t *zone);
// Declares the zone for the counters of traffic, with a lock of its own. It always has the same
// name and size.
ngx_shm_zone_t *add_metrics_zone(ngx_conf_t *cf);
// For workers: only the master hands zones to a new binary. Processes that a worker starts must not
// get them.
void leave_zone_file_to_master(ngx_shm_zone_t *zone);
// For a master that an old binary has started: closes zones that the configuration does not name
// any more, so that the next binary does not take them over.
void forget_other_zones(std::initializer_list<const ngx_shm_zone_t *> zones);
// The number of keys for which the budget zone has room.
size_t max_budget_records();

// In the budget zone: a number made from the path of the state file that was written to last; 0:
// none.
uint64_t &state_file_number(ngx_shm_zone_t *budget_zone);

// Each part has a layout of its own. The first three share a zone.
enum class ZonePart : uint8_t { ledger, health, keys_in_use, budgets, metrics };

class ZoneMemory final : public SharedMemory {
 public:
    // `locked_zone` has the lock: the budget zone, or the zone itself for metrics.
    ZoneMemory(ngx_shm_zone_t *zone, ZonePart part, ngx_shm_zone_t *locked_zone);
    [[nodiscard]] std::span<std::byte> region() const override { return region_; }
    void lock() noexcept override { mutex_.lock(); }
    void unlock() noexcept override { mutex_.unlock(); }

 private:
    std::span<std::byte> region_;
    RobustMutex &mutex_;
};

}  // namespace gateway

// The shared memory zones that all workers count in.
#pragma once

#include "core/limits/robust_mutex.h"
#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

inline constexpr size_t kLeastZone = 64 * 1024;

// Declares the zone of image_gateway_zone; throws ConfError.
ngx_shm_zone_t *add_zone(ngx_conf_t *cf, std::string_view name, size_t size);
// Declares the one for what keys have spent. It is always of the same name and size, so that it
// outlives reloads. The lock of all is in it.
ngx_shm_zone_t *add_budget_zone(ngx_conf_t *cf, ngx_shm_zone_t *zone);
// In a worker: only the master hands its memory on, and nobody whom a worker starts gets it.
void leave_zone_file_to_master(ngx_shm_zone_t *zone);
// In a master that the old binary has started: a zone that no directive names any more must not be
// found by the binary after this one, which would take it for what counts.
void forget_other_zones(ngx_shm_zone_t *zone, ngx_shm_zone_t *budget_zone);
// For so many keys there is room in the budget zone.
size_t max_budget_records();

// In the budget zone: of the state file that was written to last. 0: none was.
uint64_t &state_file_number(ngx_shm_zone_t *budget_zone);

// Each has a layout of its own; the first two share a zone.
enum class ZonePart : uint8_t { ledger, health, budgets };

class ZoneMemory final : public SharedMemory {
 public:
    ZoneMemory(ngx_shm_zone_t *zone, ZonePart part, ngx_shm_zone_t *budget_zone);
    [[nodiscard]] std::span<std::byte> region() const override { return region_; }
    void lock() noexcept override { mutex_.lock(); }
    void unlock() noexcept override { mutex_.unlock(); }

 private:
    std::span<std::byte> region_;
    RobustMutex &mutex_;
};

}  // namespace gateway

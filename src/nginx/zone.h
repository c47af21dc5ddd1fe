// The shared memory zone that all workers count in.
#pragma once

#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

inline constexpr size_t kLeastZone = 64 * 1024;
inline constexpr size_t kDefaultZone = 16 * 1024 * 1024;
inline constexpr std::string_view kDefaultZoneName = "image_gateway";

// Declares it; throws ConfError.
ngx_shm_zone_t *add_zone(ngx_conf_t *cf, std::string_view name, size_t size);

// The zone has two parts, each with a layout of its own.
enum class ZonePart : uint8_t { ledger, health };

// Locked by the slab pool's own mutex: the master unlocks it when a worker dies while holding it.
class ZoneMemory final : public SharedMemory {
 public:
    ZoneMemory(ngx_shm_zone_t *zone, ZonePart part);
    [[nodiscard]] std::span<std::byte> region() const override { return region_; }
    void lock() noexcept override { ngx_shmtx_lock(&pool_->mutex); }
    void unlock() noexcept override { ngx_shmtx_unlock(&pool_->mutex); }

 private:
    ngx_slab_pool_t *pool_;
    std::span<std::byte> region_;
};

}  // namespace gateway

#include "nginx/zone.h"

#include <algorithm>

#include "core/limits/health.h"
#include "core/limits/ledger.h"
#include "nginx/conf_error.h"
#include "nginx/guard.h"

namespace gateway {

namespace {

// Where in the zone our memory lies; itself in the zone, found through the slab pool.
struct Place {
    std::byte *start;
    size_t size;
};

// A sixteenth, but enough for a few providers, is for what is known of their health; a megabyte
// is room for thousands of models.
std::span<std::byte> part_of(const Place &place, ZonePart part) {
    constexpr size_t kLeastHealth = 8 * 1024;
    constexpr size_t kMostHealth = 1024 * 1024;
    const size_t health = std::clamp(place.size / 16, kLeastHealth, kMostHealth) / 64 * 64;
    const std::span<std::byte> whole{place.start, place.size};
    return part == ZonePart::health ? whole.first(health) : whole.subspan(health);
}

bool prepare(const Place &place, bool fresh) {
    return Health::prepare(part_of(place, ZonePart::health), fresh) &&
           Ledger::prepare(part_of(place, ZonePart::ledger), fresh);
}

ngx_slab_pool_t *slab_pool(ngx_shm_zone_t *zone) {
    return reinterpret_cast<ngx_slab_pool_t *>(zone->shm.addr);
}

bool lay_out(ngx_slab_pool_t *pool) {
    auto *place = static_cast<Place *>(ngx_slab_alloc(pool, sizeof(Place)));
    if (place == nullptr) {
        return false;
    }
    // Nothing else is ever allocated here: we get all the pages that are left.
    place->size = pool->pfree * ngx_pagesize;
    place->start = static_cast<std::byte *>(ngx_slab_alloc(pool, place->size));
    pool->data = place;
    return place->start != nullptr && prepare(*place, true);
}

bool take_over(ngx_slab_pool_t *pool) {
    const auto *place = static_cast<const Place *>(pool->data);
    return place != nullptr && prepare(*place, false);
}

extern "C" ngx_int_t image_gateway_init_zone(ngx_shm_zone_t *zone, void *earlier) {
    return guard_or<ngx_int_t>("zone", NGX_ERROR, [=]() -> ngx_int_t {
        ngx_slab_pool_t *pool = slab_pool(zone);
        const bool exists = earlier != nullptr || zone->shm.exists;
        if (exists ? take_over(pool) : lay_out(pool)) {
            return NGX_OK;
        }
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      exists ? "zone \"%V\" was laid out by another version of the module: nginx "
                               "must be restarted"
                             : "zone \"%V\" is too small",
                      &zone->shm.name);
        return NGX_ERROR;
    });
}

}  // namespace

ngx_shm_zone_t *add_zone(ngx_conf_t *cf, std::string_view name, size_t size) {
    if (size < kLeastZone) {
        throw ConfError{"zone \"" + std::string(name) + "\" is too small, the least is 64k"};
    }
    ngx_str_t zone_name = to_ngx(name);
    zone_name.data = ngx_pstrdup(cf->pool, &zone_name);
    ngx_shm_zone_t *zone =
        ngx_shared_memory_add(cf, &zone_name, size, &ngx_http_image_gateway_module);
    if (zone == nullptr) {
        throw ConfError{"zone \"" + std::string(name) + "\" is already used for something else"};
    }
    zone->init = image_gateway_init_zone;
    zone->data = zone;  // not null: tells init on a reload that there was one before
    return zone;
}

ZoneMemory::ZoneMemory(ngx_shm_zone_t *zone, ZonePart part)
    : pool_(slab_pool(zone)), region_(part_of(*static_cast<const Place *>(pool_->data), part)) {}

}  // namespace gateway

#include "nginx/zone.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/limits/health.h"
#include "core/limits/keys_in_use.h"
#include "core/limits/ledger.h"
#include "core/metrics/counters.h"
#include "nginx/conf_error.h"
#include "nginx/guard.h"
#include "nginx/handed_memory.h"

namespace gateway {

namespace {

constexpr std::string_view kBudgetZoneName = "image_gateway_purses";
constexpr size_t kBudgetZoneSize = 16 * 1024 * 1024;
constexpr std::string_view kMetricsZoneName = "image_gateway_metrics";

// Where in the zone the gateway's memory is. It lies in the zone itself, and is found through the
// slab pool.
struct Place {
    std::byte *start;
    size_t size;
};

// A cycle's handle of a zone. nginx passes it to the next cycle.
struct ZoneFile {
    enum class Kind : uint8_t { limits, budgets, metrics };

    explicit ZoneFile(Kind kind) : kind(kind) {}
    ~ZoneFile() {
        if (descriptor != -1) {
            close(descriptor);
        }
    }
    ZoneFile(const ZoneFile &) = delete;
    ZoneFile &operator=(const ZoneFile &) = delete;

    Kind kind;
    int descriptor = -1;  // of the file behind the zone's memory; -1: there is none
};

// Before the budget records, and before the counters of traffic.
struct LockedZoneHead {
    static constexpr uint64_t kMagic = 0x316b636f6c677769;
    uint64_t magic;
    RobustMutex mutex;
    uint64_t state_file;
};
constexpr size_t kHeadSize = 128;
static_assert(sizeof(LockedZoneHead) <= kHeadSize);

// A sixteenth is for the health of providers: at least enough for a few of them, and at most a
// megabyte, which has room for thousands of models. Beside it is a little room for idempotency keys
// in use.
std::span<std::byte> part_of(const Place &place, ZonePart part) {
    constexpr size_t kMinHealth = 8 * 1024;
    constexpr size_t kMaxHealth = 1024 * 1024;
    constexpr size_t kMinKeys = 1024;
    constexpr size_t kMaxKeys = 64 * 1024;
    const size_t health = std::clamp(place.size / 16, kMinHealth, kMaxHealth) / 64 * 64;
    const size_t keys = std::clamp(place.size / 64, kMinKeys, kMaxKeys) / 64 * 64;
    const std::span<std::byte> whole{place.start, place.size};
    switch (part) {
        case ZonePart::health: return whole.first(health);
        case ZonePart::keys_in_use: return whole.subspan(health, keys);
        case ZonePart::ledger: return whole.subspan(health + keys);
        case ZonePart::budgets:
        case ZonePart::metrics: break;
    }
    return whole.subspan(kHeadSize);
}

LockedZoneHead &head_of(const Place &place) {
    return *reinterpret_cast<LockedZoneHead *>(place.start);
}

// Never zero, which means none.
uint64_t random_number() {
    uint64_t number = 0;
    RAND_bytes(reinterpret_cast<unsigned char *>(&number), sizeof(number));
    return number | 1;
}

// `prepare_rest` does the same for what is behind the head.
template <typename PrepareRest>
bool prepare_locked(const Place &place, bool fresh, PrepareRest prepare_rest) {
    LockedZoneHead &head = head_of(place);
    if (place.size < kHeadSize || (!fresh && head.magic != LockedZoneHead::kMagic) ||
        !prepare_rest()) {
        return false;
    }
    if (fresh) {
        head.state_file = 0;
        if (!head.mutex.prepare()) {
            return false;
        }
    }
    head.magic = LockedZoneHead::kMagic;
    return true;
}

bool prepare_budgets(const Place &place, bool fresh) {
    return prepare_locked(place, fresh, [&] {
        return Ledger::prepare_budgets(part_of(place, ZonePart::budgets), fresh, random_number());
    });
}

bool prepare_metrics(const Place &place, bool fresh) {
    return prepare_locked(
        place, fresh, [&] { return Counters::prepare(part_of(place, ZonePart::metrics), fresh); });
}

bool prepare(const Place &place, const ZoneFile &file, bool fresh) {
    if (file.kind == ZoneFile::Kind::budgets) {
        return prepare_budgets(place, fresh);
    }
    if (file.kind == ZoneFile::Kind::metrics) {
        return prepare_metrics(place, fresh);
    }
    const uint64_t id = random_number();
    return Health::prepare(part_of(place, ZonePart::health), fresh, id) &&
           KeysInUse::prepare(part_of(place, ZonePart::keys_in_use), fresh, id) &&
           Ledger::prepare(part_of(place, ZonePart::ledger), fresh, id);
}

ngx_slab_pool_t *slab_pool(ngx_shm_zone_t *zone) {
    return reinterpret_cast<ngx_slab_pool_t *>(zone->shm.addr);
}

// Whether the old binary's lock, which is in its budget zone, can be taken over. If not, none of
// its zones can: each binary would change them under another lock.
bool inherits_lock() {
    const auto found = inherited_memory(std::string(kBudgetZoneName));
    return std::any_of(found.begin(), found.end(), [](int descriptor) {
        return look_at_memory(descriptor, [](std::span<std::byte> bytes) {
            return bytes.size() > kHeadSize && prepare_budgets({bytes.data(), bytes.size()}, false);
        });
    });
}

// Takes the memory over from the old binary, if that has started this process. Closes what does not
// fit.
bool take_inherited(ngx_shm_zone_t *zone, const Place &place, ZoneFile &file) {
    bool taken = false;
    const std::vector<int> found = inherited_memory(to_string(zone->shm.name));
    const bool same_lock =
        !found.empty() && (file.kind == ZoneFile::Kind::metrics || inherits_lock());
    for (const int descriptor : found) {
        if (!taken && same_lock && map_memory(descriptor, {place.start, place.size}) &&
            prepare(place, file, false)) {
            file.descriptor = descriptor;
            taken = true;
        } else {
            close(descriptor);
        }
    }
    if (taken) {
        ngx_log_error(NGX_LOG_NOTICE, zone->shm.log, 0,
                      "image gateway: zone \"%V\" goes on from the old binary", &zone->shm.name);
    } else if (!found.empty()) {
        ngx_log_error(
            NGX_LOG_WARN, zone->shm.log, 0,
            "image gateway: zone \"%V\" of the old binary has another size or layout, and "
            "begins anew",
            &zone->shm.name);
    }
    return taken;
}

// If the kernel has no such files, the zone keeps nginx's memory, which ends with this binary.
void use_file(ngx_shm_zone_t *zone, const Place &place, ZoneFile &file) {
    file.descriptor = make_memory(to_string(zone->shm.name), place.size);
    if (file.descriptor != -1 && !map_memory(file.descriptor, {place.start, place.size})) {
        close(std::exchange(file.descriptor, -1));
    }
}

bool lay_out(ngx_shm_zone_t *zone, ZoneFile &file) {
    ngx_slab_pool_t *pool = slab_pool(zone);
    auto *place = static_cast<Place *>(ngx_slab_alloc(pool, sizeof(Place)));
    if (place == nullptr) {
        return false;
    }
    // Nothing else is allocated in the zone: this takes all pages that are left.
    place->size = pool->pfree * ngx_pagesize;
    place->start = static_cast<std::byte *>(ngx_slab_alloc(pool, place->size));
    pool->data = place;
    if (place->start == nullptr) {
        return false;
    }
    if (ngx_is_init_cycle(ngx_cycle) && take_inherited(zone, *place, file)) {
        return true;
    }
    use_file(zone, *place, file);
    return prepare(*place, file, true);
}

bool take_over(ngx_shm_zone_t *zone, const ZoneFile *earlier, ZoneFile &file) {
    const auto *place = static_cast<const Place *>(slab_pool(zone)->data);
    if (place == nullptr || !prepare(*place, file, false)) {
        return false;
    }
    if (earlier != nullptr && earlier->descriptor != -1) {
        file.descriptor = dup(earlier->descriptor);
    }
    return true;
}

extern "C" ngx_int_t image_gateway_init_zone(ngx_shm_zone_t *zone, void *earlier) {
    return guard_or<ngx_int_t>("zone", NGX_ERROR, [=]() -> ngx_int_t {
        auto &file = *static_cast<ZoneFile *>(zone->data);
        const bool exists = earlier != nullptr || zone->shm.exists;
        zone->noreuse = 0;  // the next configuration takes it over
        if (exists ? take_over(zone, static_cast<const ZoneFile *>(earlier), file)
                   : lay_out(zone, file)) {
            return NGX_OK;
        }
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      exists ? "zone \"%V\" has an unknown layout" : "zone \"%V\" is too small",
                      &zone->shm.name);
        return NGX_ERROR;
    });
}

extern "C" void image_gateway_close_zone_file(void *data) {
    static_cast<ZoneFile *>(data)->~ZoneFile();
}

ZoneFile *add_zone_file(ngx_conf_t *cf, ZoneFile::Kind kind) {
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(cf->pool, sizeof(ZoneFile));
    if (cleanup == nullptr) {
        throw ConfError{"no memory"};
    }
    auto *file = new (cleanup->data) ZoneFile(kind);
    cleanup->handler = image_gateway_close_zone_file;
    return file;
}

// The zone of this name and size in the configuration before this one; null if there is none.
ngx_shm_zone_t *earlier_zone(const ngx_conf_t *cf, const ngx_shm_zone_t &zone) {
    const ngx_list_part_t *part = &cf->cycle->old_cycle->shared_memory.part;
    for (; part != nullptr; part = part->next) {
        auto *zones = static_cast<ngx_shm_zone_t *>(part->elts);
        for (ngx_uint_t i = 0; i < part->nelts; ++i) {
            if (zones[i].tag == zone.tag && zones[i].shm.size == zone.shm.size &&
                to_view(zones[i].shm.name) == to_view(zone.shm.name)) {
                return &zones[i];
            }
        }
    }
    return nullptr;
}

// nginx makes a zone anew if the new one says `noreuse`, and frees the old one if that does.
void replace(ngx_shm_zone_t &zone, ngx_shm_zone_t &earlier) {
    zone.noreuse = 1;
    earlier.noreuse = 1;
}

// A zone that another version of the module has laid out is not taken over: this configuration gets
// a new one, and the old workers keep theirs until they have left.
bool replace_unless_known(ngx_conf_t *cf, ngx_shm_zone_t &zone) {
    ngx_shm_zone_t *earlier = earlier_zone(cf, zone);
    if (earlier == nullptr || earlier->shm.addr == nullptr) {
        return false;
    }
    const auto *place = static_cast<const Place *>(
        reinterpret_cast<const ngx_slab_pool_t *>(earlier->shm.addr)->data);
    if (place != nullptr && prepare(*place, *static_cast<ZoneFile *>(zone.data), false)) {
        return false;
    }
    replace(zone, *earlier);
    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "zone \"%V\" was laid out by another version of the module, and begins anew",
                       &zone.shm.name);
    return true;
}

ngx_shm_zone_t *add(ngx_conf_t *cf, std::string_view name, size_t size, ZoneFile::Kind kind) {
    ngx_str_t zone_name = to_ngx(name);
    zone_name.data = ngx_pstrdup(cf->pool, &zone_name);
    ngx_shm_zone_t *zone =
        ngx_shared_memory_add(cf, &zone_name, size, &ngx_http_image_gateway_module);
    if (zone == nullptr) {
        throw ConfError{"zone \"" + std::string(name) + "\" is already used for something else"};
    }
    zone->init = image_gateway_init_zone;
    zone->data = add_zone_file(cf, kind);
    return zone;
}

}  // namespace

ngx_shm_zone_t *add_zone(ngx_conf_t *cf, std::string_view name, size_t size) {
    if (size < kMinZone) {
        throw ConfError{"zone \"" + std::string(name) + "\" is too small, it must be at least 64k"};
    }
    if (name == kBudgetZoneName || name == kMetricsZoneName) {
        throw ConfError{"zone \"" + std::string(name) + "\" is already used for something else"};
    }
    ngx_shm_zone_t *zone = add(cf, name, size, ZoneFile::Kind::limits);
    replace_unless_known(cf, *zone);
    return zone;
}

ngx_shm_zone_t *add_budget_zone(ngx_conf_t *cf, ngx_shm_zone_t *zone) {
    ngx_shm_zone_t *budgets = add(cf, kBudgetZoneName, kBudgetZoneSize, ZoneFile::Kind::budgets);
    ngx_shm_zone_t *earlier = earlier_zone(cf, *zone);
    if (replace_unless_known(cf, *budgets) && earlier != nullptr) {
        replace(*zone, *earlier);  // it gets another lock
    }
    return budgets;
}

ngx_shm_zone_t *add_metrics_zone(ngx_conf_t *cf) {
    constexpr size_t kSlabs = 256 * 1024;
    ngx_shm_zone_t *zone =
        add(cf, kMetricsZoneName, kHeadSize + Counters::size() + kSlabs, ZoneFile::Kind::metrics);
    replace_unless_known(cf, *zone);
    return zone;
}

void leave_zone_file_to_master(ngx_shm_zone_t *zone) {
    auto &file = *static_cast<ZoneFile *>(zone->data);
    if (file.descriptor != -1) {
        close(std::exchange(file.descriptor, -1));
    }
}

void forget_other_zones(std::initializer_list<const ngx_shm_zone_t *> zones) {
    for (const int descriptor : inherited_memory()) {
        const auto is_of = [=](const ngx_shm_zone_t *zone) {
            return zone != nullptr && static_cast<ZoneFile *>(zone->data)->descriptor == descriptor;
        };
        if (std::none_of(zones.begin(), zones.end(), is_of)) {
            close(descriptor);
        }
    }
}

size_t max_budget_records() {
    // What nginx keeps of the zone for itself.
    constexpr size_t kSlabs = 256 * 1024;
    return Ledger::max_budget_records(kBudgetZoneSize - kSlabs);
}

uint64_t &state_file_number(ngx_shm_zone_t *budget_zone) {
    return head_of(*static_cast<const Place *>(slab_pool(budget_zone)->data)).state_file;
}

ZoneMemory::ZoneMemory(ngx_shm_zone_t *zone, ZonePart part, ngx_shm_zone_t *locked_zone)
    : region_(part_of(*static_cast<const Place *>(slab_pool(zone)->data), part)),
      mutex_(head_of(*static_cast<const Place *>(slab_pool(locked_zone)->data)).mutex) {}

}  // namespace gateway

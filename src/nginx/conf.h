// The configuration that the directives make. It is read once, is read-only afterwards, and belongs
// to its cycle.
#pragma once

#include <bitset>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/held_memory.h"
#include "core/exchange/policy.h"
#include "core/html/page.h"
#include "core/inputs/spool.h"
#include "core/routing/model_map.h"
#include "core/tracing/span_exporter.h"
#include "nginx/accounts_rules.h"
#include "nginx/cors.h"
#include "nginx/handlers.h"
#include "nginx/image_store.h"
#include "nginx/jwt_rules.h"
#include "nginx/ngx.h"
#include "nginx/shared_copy.h"
#include "nginx/usage_writer.h"

namespace gateway {

// A file of keys, read once for all locations that name it.
struct KeyFile {
    std::shared_ptr<SharedCopy> copy;
    std::shared_ptr<const KeyRing> ring;
    std::vector<Policy *> users;
};

// Which directives a block has, by the number of their row. There are fewer than this size.
using WrittenDirectives = std::bitset<128>;

// A file of keys that sign webhook messages.
struct WebhookKeyFile {
    std::shared_ptr<SharedCopy> copy;
    std::shared_ptr<WebhookKeySource> source;
};

struct MainConf {
    WrittenDirectives written;
    ModelMap models;
    std::shared_ptr<const Catalogue> built_in;
    std::string catalog_file;  // empty: only what is built in
    std::shared_ptr<SharedCopy> catalog_copy;
    std::map<std::string, KeyFile, std::less<>> key_files;    // by full path
    std::map<std::string, JwksFile, std::less<>> jwks_files;  // by full path
    std::map<JwksAddress, std::shared_ptr<KeySource>> jwks_addresses;
    std::vector<std::unique_ptr<ImageStore>> stores;
    std::map<std::string, const Policy *, std::less<>> making_places;  // by SharingRules::place
    std::map<std::string, WebhookKeyFile, std::less<>> webhook_keys;   // by full path
    std::vector<std::shared_ptr<const WebhookRules>> webhooks;         // of all locations
    ngx_shm_zone_t *zone = nullptr;
    ngx_shm_zone_t *budget_zone = nullptr;          // null: no location uses the gateway
    ngx_shm_zone_t *metrics_zone = nullptr;         // null: no location shows metrics or the status
    bool gen_ai_metrics = false;                    // some location shows those of gen_ai=on
    std::shared_ptr<const AccountsRules> accounts;  // null: shared memory
    StateRules state;
    HeldMemory::Rules memory;
    HeldMemory::Rules disk;  // for the input images of requests
    ngx_thread_pool_t *threads = nullptr;
    std::optional<ExportRules> otlp;  // nothing: spans are not exported
    // The indices of the variables of nginx's OpenTelemetry module. NGX_ERROR: there is none.
    ngx_int_t otel_trace = NGX_ERROR;
    ngx_int_t otel_span = NGX_ERROR;
};

// A location of image_gateway_metrics or image_gateway_status.
struct ReportConf {
    enum class Kind : uint8_t { none, metrics, status };
    Kind kind = Kind::none;
    bool is_open = false;  // access=open
    bool keys = false;
    bool gen_ai = false;
};

// The directives for webhooks.
struct WebhookConf {
    std::string key_file;  // full path; empty: none
    std::string ca_file;
    std::shared_ptr<const FetchRules> addresses;  // those that the operator allows
    std::string networks;                         // their texts
};

struct LocationConf {
    WrittenDirectives written;
    bool enabled = false;
    ReportConf report;
    std::shared_ptr<const Page> page;  // null: the location does not serve it
    std::string prefix;                // of all its paths; empty: the location's pattern decides
    std::string public_host;           // of image_gateway_public_url; empty: none
    std::string keys_file;             // empty: none
    size_t body_max = 0;
    std::shared_ptr<const SpoolFiles> spool;
    Cors cors;
    ImageStore *store = nullptr;  // null: off
    std::string store_key;        // empty: the store's own
    std::string public_url;
    WebhookConf webhook;
    std::optional<Limits> key_limits;
    std::optional<Limits> end_user_limits;
    std::optional<Limits> address_limits;
    Policy policy;  // complete once everything is merged

    // Whether it has a store that is a directory.
    [[nodiscard]] bool serves_images() const {
        return policy.hosting != nullptr && policy.hosting->bucket == nullptr;
    }
};

inline MainConf &main_conf(ngx_http_request_t *r) {
    return *static_cast<MainConf *>(
        ngx_http_get_module_main_conf(r, ngx_http_image_gateway_module));
}

inline LocationConf &location_conf(ngx_http_request_t *r) {
    return *static_cast<LocationConf *>(
        ngx_http_get_module_loc_conf(r, ngx_http_image_gateway_module));
}

// A command for each directive of http, server and location.
ngx_command_t *commands();

// nginx's hooks; each returns null or an error after having logged why.
void *create_main_conf(ngx_conf_t *cf) noexcept;
char *init_main_conf(ngx_conf_t *cf, void *conf) noexcept;
// In the master, once the configuration is read and directories exist.
bool prepare_files(ngx_cycle_t *cycle) noexcept;
void *create_location_conf(ngx_conf_t *cf) noexcept;
char *merge_location_conf(ngx_conf_t *cf, void *parent, void *child) noexcept;

// Checks a location with image_gateway, and completes its Policy. Throws ConfError.
void finish_location(ngx_conf_t *cf, MainConf &main, LocationConf &location);
// The same for a location with image_gateway_metrics or image_gateway_status.
void finish_report_location(ngx_conf_t *cf, MainConf &main, const LocationConf &location);

}  // namespace gateway

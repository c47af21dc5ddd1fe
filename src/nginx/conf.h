// What the directives made: read once, and read-only from then on. Lives and dies with its cycle.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes/held_memory.h"
#include "core/exchange/policy.h"
#include "core/routing/model_map.h"
#include "nginx/cors.h"
#include "nginx/handlers.h"
#include "nginx/jwt_rules.h"
#include "nginx/ngx.h"
#include "nginx/picture_store.h"
#include "nginx/shared_copy.h"
#include "nginx/usage_writer.h"

namespace gateway {

// A file of keys, read once for all locations that name it.
struct KeyFile {
    std::shared_ptr<SharedCopy> copy;
    std::shared_ptr<const KeyRing> ring;
    std::vector<Policy *> users;
};

struct MainConf {
    ModelMap models;
    std::shared_ptr<const Catalogue> built_in;
    std::string catalog_file;  // empty: only what is built in
    std::shared_ptr<SharedCopy> catalog_copy;
    std::map<std::string, KeyFile, std::less<>> key_files;    // by full path
    std::map<std::string, JwksFile, std::less<>> jwks_files;  // by full path
    std::map<JwksAddress, std::shared_ptr<KeySource>> jwks_addresses;
    std::vector<std::unique_ptr<PictureStore>> stores;
    ngx_shm_zone_t *zone = nullptr;
    ngx_shm_zone_t *budget_zone = nullptr;
    StateRules state;
    std::optional<HeldMemory::Rules> memory;  // none: as if it were not said
    ngx_thread_pool_t *threads = nullptr;
};

// Standard layout, so that nginx's own setters can write to it.
struct LocationFields {
    ngx_flag_t enabled;
    ngx_uint_t auth;
    ngx_str_t keys_file;
    ngx_str_t default_model;
    size_t body_max;
    size_t answer_max;
    ngx_msec_t deadline;
    ngx_msec_t heartbeat;
    ngx_flag_t buffering;
    ngx_uint_t fit;
    ngx_flag_t raw;
    ngx_str_t store_key;
    ngx_str_t public_url;
};

struct LocationConf : LocationFields {
    std::string prefix;       // all its paths begin with; empty: the operator's pattern says which
    std::string public_host;  // of image_gateway_public_url; empty: none
    const Profile *profile = nullptr;
    std::optional<UnknownFields> unknown_fields;
    std::optional<Cors> cors;
    std::optional<PictureStore *> store;  // null: off
    std::optional<FetchRules> fetch_rules;
    std::optional<std::shared_ptr<JwtVerifier>> tokens;  // null: off
    std::optional<Limits> key_limits;
    std::optional<Limits> end_user_limits;
    std::optional<Limits> address_limits;
    Policy policy;  // all of it, once everything is merged
};

inline MainConf &main_conf(ngx_http_request_t *r) {
    return *static_cast<MainConf *>(
        ngx_http_get_module_main_conf(r, ngx_http_image_gateway_module));
}

inline LocationConf &location_conf(ngx_http_request_t *r) {
    return *static_cast<LocationConf *>(static_cast<LocationFields *>(
        ngx_http_get_module_loc_conf(r, ngx_http_image_gateway_module)));
}

extern ngx_command_t image_gateway_commands[];

// nginx's hooks; each returns null or an error after having logged why.
void *create_main_conf(ngx_conf_t *cf) noexcept;
char *init_main_conf(ngx_conf_t *cf, void *conf) noexcept;
// Once all is read and directories are there, still in the master.
bool prepare_files(ngx_cycle_t *cycle) noexcept;
void *create_location_conf(ngx_conf_t *cf) noexcept;
char *merge_location_conf(ngx_conf_t *cf, void *parent, void *child) noexcept;

}  // namespace gateway

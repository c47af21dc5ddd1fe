#include "nginx/conf.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <utility>

#include "core/access/foreign_page.h"
#include "core/json/text.h"
#include "nginx/conf_error.h"
#include "nginx/files.h"
#include "nginx/guard.h"
#include "nginx/zone.h"

namespace gateway {

namespace {

constexpr size_t kDefaultBodyMax = 1024 * 1024;
constexpr size_t kDefaultAnswerMax = 256 * 1024 * 1024;
constexpr ngx_msec_t kDefaultDeadline = 590'000;
constexpr ngx_msec_t kDefaultHeartbeat = 15'000;

template <typename Conf>
void destroy(void *conf) noexcept {
    static_cast<Conf *>(conf)->~Conf();
}

// A C++ object in nginx's pool, destroyed with it. The handler is set last: a constructor that
// throws leaves none.
template <typename Conf>
Conf *make_in_pool(ngx_pool_t *pool) {
    static_assert(alignof(Conf) <= NGX_ALIGNMENT);
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(pool, sizeof(Conf));
    if (cleanup == nullptr) {
        return nullptr;
    }
    auto *conf = new (cleanup->data) Conf();
    cleanup->handler = destroy<Conf>;
    return conf;
}

// Of all files together, as far as they are read.
void warn_if_too_many_keys(ngx_conf_t *cf, const MainConf &main) {
    size_t keys = 0;
    for (const auto &[path, file] : main.key_files) {
        keys += file.ring == nullptr ? 0 : file.ring->size();
    }
    if (keys > max_budget_records()) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "image gateway: there are %uz keys, and room to count what %uz keys "
                           "spend: those with a budget for which there is none are refused",
                           keys, max_budget_records());
    }
}

void read_keys(ngx_conf_t *cf, MainConf &main, const std::string &name, Policy &policy) {
    const std::string path = full_path(cf, name);
    KeyFile &file = main.key_files[path];
    if (file.ring == nullptr) {
        const Fingerprint seen = fingerprint_of(path);
        const std::string text = read_file(cf, path);
        auto ring = KeyRing::read(text);
        if (!ring) {
            throw ConfError{"\"" + name + "\": " + ring.error()};
        }
        file.copy = std::make_shared<SharedCopy>(text, seen);
        file.ring = std::move(*ring);
        warn_if_too_many_keys(cf, main);
    }
    policy.keys = file.ring;
    file.users.push_back(&policy);
}

// Not a mistake, but nobody should learn of it from a provider's error.
void warn_if_shut_down(ngx_conf_t *cf, const ModelMap &models, const std::string &model) {
    if (const auto sentence = models.shut_down(model, ngx_time())) {
        ngx_str_t text = to_ngx(*sentence);
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "%V", &text);
    }
}

// A request must fit in memory whole, and nginx's own limits must not speak first.
void set_body_limits(ngx_http_core_loc_conf_t &core, size_t body_max) {
    core.client_max_body_size = static_cast<off_t>(body_max);
    core.client_body_buffer_size = body_max;
}

// The directory that was opened, and not what its name leads to by now: root does this.
bool give_to_workers(const std::string &directory, const ngx_core_conf_t &core) {
    const FileHandle open = open_directory(directory, false);
    struct stat status {};
    return open.is_open() && fstat(open.number(), &status) == 0 && status.st_uid == geteuid() &&
           fchown(open.number(), core.user, core.group) == 0;
}

// In the master, which may do more than the workers: they find a directory that is theirs.
// False after having logged why there is none.
bool prepare_state_directory(const StateRules &state, ngx_cycle_t *cycle) {
    const std::string directory = state.path.substr(0, state.path.rfind('/'));
    const auto *core =
        reinterpret_cast<ngx_core_conf_t *>(ngx_get_conf(cycle->conf_ctx, ngx_core_module));
    constexpr mode_t kOwnersOnly = 0700;
    if (directory.empty()) {
        return true;
    }
    if (mkdir(directory.c_str(), kOwnersOnly) != 0) {
        const int why = errno;
        if (why == EEXIST || open_directory(directory, true).is_open()) {
            return true;
        }
        ngx_log_error(NGX_LOG_EMERG, cycle->log, why, "mkdir() \"%s\" failed in %s",
                      directory.c_str(), state.where.c_str());
        return false;
    }
    if (geteuid() == 0 && !give_to_workers(directory, *core)) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "image gateway: cannot give \"%s\" to the workers", directory.c_str());
    }
    return true;
}

void require_positive(const char *directive, size_t value) {
    if (value == 0) {
        throw ConfError{std::string("\"") + directive + "\" must be greater than 0"};
    }
}

// What a link begins with: it stands in JSON as it is.
void check_public_url(const std::string &url) {
    const size_t host = url.find("://") + 3;
    const bool good = (url.starts_with("https://") || url.starts_with("http://")) &&
                      host < url.size() && url[host] != '/' && is_visible_ascii(url) &&
                      url.find_first_of("\"\\?#") == std::string::npos;
    if (!good) {
        throw ConfError{"invalid image_gateway_public_url \"" + url +
                        "\", expected http:// or https://, a host and perhaps a path"};
    }
}

std::string prefix_of(const ngx_http_core_loc_conf_t &core) {
#if (NGX_PCRE)
    const bool is_regex = core.regex != nullptr;
#else
    const bool is_regex = false;
#endif
    const bool is_prefix = core.exact_match == 0 && core.named == 0 && !is_regex;
    return is_prefix ? to_string(core.name) : std::string();
}

void finish_public_url(LocationConf &location) {
    const std::string url = to_string(location.public_url);
    if (!url.empty()) {
        check_public_url(url);
        location.public_host = host_of(url);
    }
}

void finish_store(ngx_conf_t *cf, LocationConf &location) {
    PictureStore *store = location.store.value_or(nullptr);
    if (store == nullptr) {
        return;
    }
    auto hosting = std::make_shared<Hosting>(*store->hosting);
    hosting->public_url = to_string(location.public_url);
    if (!hosting->public_url.empty()) {
        while (hosting->public_url.back() == '/') {
            hosting->public_url.pop_back();
        }
    }
    if (location.store_key.len != 0) {
        hosting->keys = read_store_keys(cf, full_path(cf, to_view(location.store_key)));
    }
    store->users.push_back(hosting);
    location.policy.hosting = std::move(hosting);
}

void finish_location(ngx_conf_t *cf, MainConf &main, LocationConf &location) {
    auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    core->handler = content_handler;  // also for "limit_except" and "if" inside the location
    require_positive("image_gateway_body_max", location.body_max);
    require_positive("image_gateway_answer_max", location.answer_max);
    require_positive("image_gateway_deadline", location.deadline);
    require_positive("image_gateway_heartbeat", location.heartbeat);
    set_body_limits(*core, location.body_max);
    const auto auth = static_cast<AuthMode>(location.auth);
    Policy &policy = location.policy;
    policy.auth = auth;
    policy.tokens = location.tokens.value_or(nullptr);
    if (auth != AuthMode::off && location.keys_file.len == 0 && policy.tokens == nullptr) {
        throw ConfError{"location \"" + to_string(core->name) +
                        "\" has \"image_gateway\" but no \"image_gateway_keys\" or "
                        "\"image_gateway_jwt\"; to serve anyone who can reach it, say "
                        "\"image_gateway_auth off\""};
    }
    policy.default_model = to_string(location.default_model);
    if (!policy.default_model.empty()) {
        if (!main.models.knows(policy.default_model)) {
            throw ConfError{"image_gateway_default_model \"" + policy.default_model +
                            "\" is neither an alias nor a model of a configured provider"};
        }
        main.models.require(policy.default_model);
    }
    if (!policy.default_model.empty()) {
        main.models.note_configured(policy.default_model);
    }
    warn_if_shut_down(cf, main.models, policy.default_model);
    policy.profile = location.profile == nullptr ? &unified_profile() : location.profile;
    policy.unknown_fields = location.unknown_fields.value_or(UnknownFields());
    policy.fit = static_cast<FitMode>(location.fit);
    policy.fetch_rules =
        std::make_shared<const FetchRules>(location.fetch_rules.value_or(FetchRules()));
    policy.limits = {location.key_limits.value_or(Limits()),
                     location.end_user_limits.value_or(Limits()),
                     location.address_limits.value_or(Limits())};
    finish_public_url(location);
    finish_store(cf, location);
    policy.raw = location.raw == 1;
    policy.deadline = Milliseconds(static_cast<int64_t>(location.deadline));
    policy.buffering = location.buffering == 1;
    policy.heartbeat = Milliseconds(static_cast<int64_t>(location.heartbeat));
    policy.answer_max = location.answer_max;
    if (auth != AuthMode::off && location.keys_file.len != 0) {
        read_keys(cf, main, to_string(location.keys_file), policy);
    }
    if (main.zone == nullptr) {
        main.zone = add_zone(cf, kDefaultZoneName, kDefaultZone);
    }
    if (main.budget_zone == nullptr) {
        main.budget_zone = add_budget_zone(cf);
    }
    if (main.threads == nullptr) {
        main.threads = ngx_thread_pool_add(cf, nullptr);
        if (main.threads == nullptr) {
            throw ConfError{"cannot add a thread pool"};
        }
    }
}

}  // namespace

void *create_main_conf(ngx_conf_t *cf) noexcept {
    MainConf *main = nullptr;
    (void)read_directive(cf, [&] {
        main = make_in_pool<MainConf>(cf->pool);
        auto catalogue = Catalogue::read(Catalogue::built_in());
        if (!catalogue) {
            throw ConfError{"the built-in catalogue is broken: " + catalogue.error()};
        }
        main->built_in = std::make_shared<const Catalogue>(std::move(*catalogue));
        main->models.use(main->built_in);
    });
    return main;
}

char *init_main_conf(ngx_conf_t *cf, void *conf) noexcept {
    return read_directive(cf, [=] {
        const ModelMap &models = static_cast<MainConf *>(conf)->models;
        const auto checked = models.check(*models.catalogue());
        if (!checked) {
            throw ConfError{checked.error()};
        }
        for (const auto &[name, alias] : models.aliases()) {
            for (const Alias::Member &member : alias.members) {
                warn_if_shut_down(cf, models, member.model);
            }
        }
    });
}

bool prepare_files(ngx_cycle_t *cycle) noexcept {
    return guard_or("files", false, [=] {
        if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == nullptr) {
            return true;
        }
        const auto *main = static_cast<const MainConf *>(
            ngx_http_cycle_get_module_main_conf(cycle, ngx_http_image_gateway_module));
        if (main != nullptr && main->budget_zone != nullptr &&
            ngx_is_init_cycle(cycle->old_cycle)) {
            forget_other_zones(main->zone, main->budget_zone);
        }
        if (main != nullptr && !main->state.path.empty() &&
            !prepare_state_directory(main->state, cycle)) {
            return false;
        }
        return main == nullptr ||
               std::all_of(main->stores.begin(), main->stores.end(),
                           [=](const auto &store) { return prepare_store(*store, cycle->log); });
    });
}

void *create_location_conf(ngx_conf_t *cf) noexcept {
    LocationConf *location = nullptr;
    (void)read_directive(cf, [&] {
        location = make_in_pool<LocationConf>(cf->pool);
        if (location == nullptr) {
            throw ConfError{"no memory"};
        }
        location->enabled = NGX_CONF_UNSET;
        location->auth = NGX_CONF_UNSET_UINT;
        location->body_max = NGX_CONF_UNSET_SIZE;
        location->answer_max = NGX_CONF_UNSET_SIZE;
        location->deadline = NGX_CONF_UNSET_MSEC;
        location->heartbeat = NGX_CONF_UNSET_MSEC;
        location->buffering = NGX_CONF_UNSET;
        location->fit = NGX_CONF_UNSET_UINT;
        location->raw = NGX_CONF_UNSET;
    });
    return static_cast<LocationFields *>(location);
}

char *merge_location_conf(ngx_conf_t *cf, void *parent, void *child) noexcept {
    return read_directive(cf, [=] {
        const auto &above = *static_cast<LocationConf *>(static_cast<LocationFields *>(parent));
        auto &location = *static_cast<LocationConf *>(static_cast<LocationFields *>(child));
        ngx_conf_merge_uint_value(location.auth, above.auth,
                                  static_cast<ngx_uint_t>(AuthMode::required));
        ngx_conf_merge_str_value(location.keys_file, above.keys_file, "");
        ngx_conf_merge_str_value(location.default_model, above.default_model, "");
        ngx_conf_merge_size_value(location.body_max, above.body_max, kDefaultBodyMax);
        ngx_conf_merge_size_value(location.answer_max, above.answer_max, kDefaultAnswerMax);
        ngx_conf_merge_msec_value(location.deadline, above.deadline, kDefaultDeadline);
        ngx_conf_merge_msec_value(location.heartbeat, above.heartbeat, kDefaultHeartbeat);
        ngx_conf_merge_value(location.buffering, above.buffering, 1);
        ngx_conf_merge_uint_value(location.fit, above.fit, static_cast<ngx_uint_t>(FitMode::adapt));
        ngx_conf_merge_value(location.raw, above.raw, 0);
        if (!location.unknown_fields) {
            location.unknown_fields = above.unknown_fields;
        }
        ngx_conf_merge_str_value(location.store_key, above.store_key, "");
        ngx_conf_merge_str_value(location.public_url, above.public_url, "");
        if (!location.store) {
            location.store = above.store;
        }
        if (!location.fetch_rules) {
            location.fetch_rules = above.fetch_rules;
        }
        if (!location.tokens) {
            location.tokens = above.tokens;
        }
        const auto inherit = [](std::optional<Limits> &own, const std::optional<Limits> &other) {
            own = own ? own : other;
        };
        inherit(location.key_limits, above.key_limits);
        inherit(location.end_user_limits, above.end_user_limits);
        inherit(location.address_limits, above.address_limits);
        if (!location.cors) {
            location.cors = above.cors.value_or(Cors());
        }
        auto *core = static_cast<ngx_http_core_loc_conf_t *>(
            ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
        // "limit_except" and "if" make a nameless location of their own: what surrounds it goes on.
        // Unless it has a handler of its own.
        const bool inside = core->noname != 0 && above.enabled == 1 &&
                            (core->handler == nullptr || core->handler == content_handler);
        if (location.enabled == NGX_CONF_UNSET) {
            location.enabled = inside ? 1 : 0;
            location.profile = inside ? above.profile : nullptr;
        }
        location.prefix = core->noname != 0 ? above.prefix : prefix_of(*core);
        if (location.enabled == 1) {
            auto &main = *static_cast<MainConf *>(
                ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module));
            finish_location(cf, main, location);
        }
    });
}

}  // namespace gateway

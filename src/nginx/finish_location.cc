// Completes a location with image_gateway once it has inherited everything: checks, files, zones.
#include <algorithm>
#include <utility>

#include "core/access/foreign_page.h"
#include "core/json/text.h"
#include "nginx/conf.h"
#include "nginx/conf_error.h"
#include "nginx/directive.h"
#include "nginx/files.h"
#include "nginx/receive_body.h"
#include "nginx/spool_files.h"
#include "nginx/zone.h"

namespace gateway {

namespace {

// Counts the keys of all files that are read so far.
void warn_if_too_many_keys(ngx_conf_t *cf, const MainConf &main) {
    size_t keys = 0;
    for (const auto &[path, file] : main.key_files) {
        keys += file.ring == nullptr ? 0 : file.ring->size();
    }
    if (keys > max_budget_records()) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "image gateway: %uz keys are configured, but there is room to count the "
                           "spending of only %uz: further keys with a budget are refused",
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

// nginx's own limits must not refuse a body first, and a long body must not be kept in memory.
void set_body_limits(ngx_http_core_loc_conf_t &core, LocationConf &location) {
    const size_t max = max_body(location);
    core.client_max_body_size = static_cast<off_t>(max);
    core.client_body_buffer_size = std::min(max, kBodyBuffer);
    location.policy.body.text_bytes = location.body_max;
    location.spool =
        std::make_shared<const NgxSpoolFiles>(to_string(core.client_body_temp_path->name));
}

// Links begin with it, and stand in JSON without escapes.
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

void finish_store(ngx_conf_t *cf, LocationConf &location) {
    if (location.store == nullptr) {
        return;
    }
    auto hosting = std::make_shared<Hosting>(*location.store->hosting);
    hosting->public_url = location.public_url;
    if (!hosting->public_url.empty()) {
        while (hosting->public_url.back() == '/') {
            hosting->public_url.pop_back();
        }
    }
    if (!location.store_key.empty() && hosting->bucket != nullptr) {
        throw ConfError{
            "\"image_gateway_store_key\" is for a store that is a directory; links to \"" +
            hosting->directory + "\" are signed with its secret_key"};
    }
    if (!location.store_key.empty()) {
        hosting->keys = read_store_keys(cf, full_path(cf, location.store_key));
    }
    location.store->users.push_back(hosting);
    location.policy.hosting = std::move(hosting);
}

// Results are kept in the store, and the state file's records say where.
void finish_sharing(ngx_conf_t *cf, const ngx_http_core_loc_conf_t &core, MainConf &main,
                    LocationConf &location) {
    SharingRules &rules = location.policy.sharing;
    const bool is_directory =
        location.store != nullptr && location.store->hosting->bucket == nullptr;
    const bool keeps = !main.state.path.empty() && is_directory;
    const char *needs = rules.cache.on ? "image_gateway_cache" : "image_gateway_jobs";
    if ((rules.cache.on || rules.jobs.on) && !keeps) {
        throw ConfError{"location \"" + to_string(core.name) + "\" has \"" + needs +
                        " on\", which needs \"image_gateway_state\" and "
                        "\"image_gateway_store\"" +
                        (location.store == nullptr ? ""
                                                   : " with a directory: results are not "
                                                     "kept in a bucket")};
    }
    rules.kept_max = keeps ? location.store->max : 0;
    if (keeps) {
        const auto *server = static_cast<ngx_http_core_srv_conf_t *>(
            ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module));
        rules.place = to_string(server->server_name) + "\n" + to_string(core.name) + "\n" +
                      location.policy.hosting->directory + "\n" + location.keys_file;
        main.making_places.emplace(rules.place, &location.policy);
    }
}

// Messages outlive a configuration, so the rules have a name that says the same in the next one.
void finish_webhooks(ngx_conf_t *cf, MainConf &main, LocationConf &location) {
    const WebhookConf &conf = location.webhook;
    if (conf.key_file.empty() || !location.policy.sharing.jobs.on) {
        return;
    }
    WebhookKeyFile &file = main.webhook_keys[conf.key_file];
    if (file.source == nullptr) {
        const Fingerprint seen = fingerprint_of(conf.key_file);
        const std::string text = read_file(cf, conf.key_file);
        auto keys = WebhookKeys::read(text);
        if (!keys) {
            throw ConfError{"\"" + conf.key_file + "\" " + keys.error()};
        }
        file.copy = std::make_shared<SharedCopy>(text, seen);
        file.source = std::make_shared<WebhookKeySource>(
            WebhookKeySource{std::make_shared<const WebhookKeys>(std::move(*keys))});
    }
    auto rules = std::make_shared<WebhookRules>();
    rules->name = conf.key_file + "\n" + conf.ca_file + "\n" + conf.networks;
    rules->key_file = conf.key_file;
    rules->source = file.source;
    rules->addresses = conf.addresses;
    rules->ca_file = conf.ca_file;
    location.policy.webhooks = rules;
    main.webhooks.push_back(std::move(rules));
}

void require_credentials(const ngx_http_core_loc_conf_t &core, const LocationConf &location) {
    const Policy &policy = location.policy;
    if (policy.auth != AuthMode::off && location.keys_file.empty() && policy.tokens == nullptr) {
        throw ConfError{"location \"" + to_string(core.name) +
                        "\" has \"image_gateway\" but no \"image_gateway_keys\" or "
                        "\"image_gateway_jwt\"; to serve anyone who can reach it, say "
                        "\"image_gateway_auth off\""};
    }
}

void require_default_model(MainConf &main, const std::string &model) {
    if (model.empty()) {
        return;
    }
    if (!main.models.knows(model)) {
        throw ConfError{"image_gateway_default_model \"" + model +
                        "\" is neither an alias nor a model of a configured provider"};
    }
    main.models.require(model);
    main.models.note_configured(model);
}

// What all locations share. Once for each configuration.
void finish_main(ngx_conf_t *cf, MainConf &main) {
    if (main.budget_zone != nullptr) {
        return;
    }
    read_main_defaults(cf, main);
    main.budget_zone = add_budget_zone(cf, main.zone);
    main.threads = ngx_thread_pool_add(cf, nullptr);
    if (main.threads == nullptr) {
        throw ConfError{"cannot add a thread pool"};
    }
}

}  // namespace

void finish_report_location(ngx_conf_t *cf, MainConf &main, const LocationConf &location) {
    if (location.enabled) {
        throw ConfError{
            "image_gateway, image_gateway_metrics and image_gateway_status need "
            "locations of their own"};
    }
    finish_main(cf, main);
    if (main.metrics_zone == nullptr) {
        main.metrics_zone = add_metrics_zone(cf);
    }
    main.gen_ai_metrics = main.gen_ai_metrics || location.report.gen_ai;
}

void finish_location(ngx_conf_t *cf, MainConf &main, LocationConf &location) {
    auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    core->handler = content_handler;  // also for "limit_except" and "if" inside the location
    set_body_limits(*core, location);
    require_credentials(*core, location);
    Policy &policy = location.policy;
    require_default_model(main, policy.default_model);
    policy.limits = {location.key_limits.value_or(Limits()),
                     location.end_user_limits.value_or(Limits()),
                     location.address_limits.value_or(Limits())};
    if (!location.public_url.empty()) {
        check_public_url(location.public_url);
        location.public_host = host_of(location.public_url);
    }
    finish_store(cf, location);
    finish_sharing(cf, *core, main, location);
    finish_webhooks(cf, main, location);
    if (policy.auth != AuthMode::off && !location.keys_file.empty()) {
        read_keys(cf, main, location.keys_file, policy);
    }
    finish_main(cf, main);
}

}  // namespace gateway

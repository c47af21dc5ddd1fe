// The directives of http, server and location. image_provider's own are in provider_block.cc, and
// docs/directives.md describes them all.
#include <algorithm>
#include <string>
#include <utility>

#include "core/json/text.h"
#include "nginx/conf.h"
#include "nginx/conf_error.h"
#include "nginx/limit_rules.h"
#include "nginx/provider_block.h"
#include "nginx/provider_rules.h"
#include "nginx/zone.h"

namespace gateway {

namespace {

MainConf &main_conf_of(void *conf) {
    return *static_cast<MainConf *>(conf);
}

void require_first(ngx_conf_t *cf, bool first) {
    if (!first) {
        throw ConfError{"\"" + to_string(arguments(cf)[0]) + "\" directive is duplicate"};
    }
}

const Profile *find_profile(std::string_view name) {
    const Profile *profile = profile_named(name);
    if (profile == nullptr) {
        std::string known;
        for (const Profile &one : profiles()) {
            known += (known.empty() ? "" : ", ") + std::string(one.name);
        }
        throw ConfError{"unknown profile \"" + std::string(name) + "\", expected one of: " + known};
    }
    return profile;
}

char *set_gateway(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        auto &location = *static_cast<LocationFields *>(conf);
        require_first(cf, location.enabled == NGX_CONF_UNSET);
        if (cf->args->nelts == 2) {
            std::string_view profile;
            if (!take_parameter(arguments(cf)[1], "profile", profile)) {
                invalid_parameter(to_view(arguments(cf)[1]), "profile=NAME");
            }
            static_cast<LocationConf &>(location).profile = find_profile(profile);
        }
        location.enabled = 1;
        auto *core = static_cast<ngx_http_core_loc_conf_t *>(
            ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
        core->handler = content_handler;
    });
}

char *set_zone(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        MainConf &main = main_conf_of(conf);
        require_first(cf, main.zone == nullptr);
        std::string_view zone;
        const std::string_view argument = to_view(arguments(cf)[1]);
        if (!take_parameter(arguments(cf)[1], "zone", zone)) {
            invalid_parameter(argument, "zone=NAME:SIZE");
        }
        const size_t colon = zone.find(':');
        if (colon == 0 || colon == std::string_view::npos) {
            throw ConfError{"invalid zone \"" + std::string(argument) +
                            "\", expected zone=NAME:SIZE"};
        }
        main.zone =
            add_zone(cf, zone.substr(0, colon), parse_size_parameter(zone.substr(colon + 1)));
    });
}

// nginx's own setters of words, sizes and times do not say what would be right.
template <typename Value>
Value &unset_place(ngx_conf_t *cf, const ngx_command_t *command, void *conf, Value unset) {
    auto &place = *reinterpret_cast<Value *>(static_cast<char *>(conf) + command->offset);
    require_first(cf, place == unset);
    return place;
}

[[noreturn]] void invalid_value(ngx_conf_t *cf, const std::string &expected) {
    throw ConfError{"\"" + to_string(arguments(cf)[0]) + "\" directive invalid value \"" +
                    to_string(arguments(cf)[1]) + "\", expected " + expected};
}

char *set_word(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    return read_directive(cf, [=] {
        auto &place = unset_place<ngx_uint_t>(cf, command, conf, NGX_CONF_UNSET_UINT);
        std::string expected;
        for (const auto *word = static_cast<const ngx_conf_enum_t *>(command->post);
             word->name.len != 0; ++word) {
            if (to_view(word->name) == to_view(arguments(cf)[1])) {
                place = word->value;
                return;
            }
            expected += (expected.empty() ? "" : ", ") + to_string(word->name);
        }
        invalid_value(cf, "one of: " + expected);
    });
}

char *set_size(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    return read_directive(cf, [=] {
        auto &place = unset_place<size_t>(cf, command, conf, NGX_CONF_UNSET_SIZE);
        const ssize_t size = ngx_parse_size(&arguments(cf)[1]);
        if (size == NGX_ERROR) {
            invalid_value(cf, "something like 512k or 32m");
        }
        place = static_cast<size_t>(size);
    });
}

char *set_time(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    return read_directive(cf, [=] {
        auto &place = unset_place<ngx_msec_t>(cf, command, conf, NGX_CONF_UNSET_MSEC);
        const ngx_int_t milliseconds = ngx_parse_time(&arguments(cf)[1], 0);
        if (milliseconds == NGX_ERROR) {
            invalid_value(cf, "something like 500ms or 30s");
        }
        place = static_cast<ngx_msec_t>(milliseconds);
    });
}

LocationConf &location_conf_of(void *conf) {
    return static_cast<LocationConf &>(*static_cast<LocationFields *>(conf));
}

char *set_catalog(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        MainConf &main = main_conf_of(conf);
        require_first(cf, main.catalog_file.empty());
        main.catalog_file = full_path(cf, to_view(arguments(cf)[1]));
        const Fingerprint seen = fingerprint_of(main.catalog_file);
        const std::string text = read_file(cf, main.catalog_file);
        auto catalogue = Catalogue::read(text, main.built_in.get());
        if (!catalogue) {
            throw ConfError{"\"" + main.catalog_file + "\": " + catalogue.error()};
        }
        main.catalog_copy = std::make_shared<SharedCopy>(text, seen);
        main.models.use(std::make_shared<const Catalogue>(std::move(*catalogue)));
    });
}

char *set_unknown_fields(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        auto &place = location_conf_of(conf).unknown_fields;
        require_first(cf, !place);
        const std::string_view mode = to_view(arguments(cf)[1]);
        UnknownFields unknown;
        if (mode == "reject") {
            unknown.mode = UnknownFields::Mode::reject;
        } else if (mode == "pass") {
            unknown.mode = UnknownFields::Mode::pass;
        } else if (mode != "drop") {
            throw ConfError{"invalid value \"" + std::string(mode) +
                            "\", expected drop, reject or pass NAME ..."};
        }
        const bool passes = unknown.mode == UnknownFields::Mode::pass;
        if (passes != (cf->args->nelts > 2)) {
            throw ConfError{passes ? "\"pass\" needs the names of the fields"
                                   : "\"" + std::string(mode) + "\" takes no names"};
        }
        for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
            const ngx_str_t &name = arguments(cf)[i];
            if (is_published_field(to_view(name))) {
                ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                                   "\"%V\" is a field of the published APIs and is never passed on "
                                   "unread",
                                   &name);
                continue;
            }
            unknown.names.push_back(to_string(name));
        }
        place = std::move(unknown);
    });
}

char *set_cors(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        auto &place = location_conf_of(conf).cors;
        require_first(cf, !place);
        place = read_cors(arguments(cf) + 1, cf->args->nelts - 1);
    });
}

char *set_store(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        auto &place = location_conf_of(conf).store;
        require_first(cf, !place);
        if (to_view(arguments(cf)[1]) == "off" && cf->args->nelts == 2) {
            place = nullptr;
            return;
        }
        auto &main = *static_cast<MainConf *>(
            ngx_http_conf_get_module_main_conf(cf, ngx_http_image_gateway_module));
        place = main.stores.emplace_back(read_store(cf)).get();
    });
}

char *set_fetch_allow(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        auto &place = location_conf_of(conf).fetch_rules;
        require_first(cf, !place);
        FetchRules rules;
        for (ngx_uint_t i = 1; i < cf->args->nelts; ++i) {
            const std::string_view text = to_view(arguments(cf)[i]);
            const auto network = parse_network(text);
            const bool none = text == "none" && cf->args->nelts == 2;
            if (!network && !none) {
                throw ConfError{"invalid network \"" + std::string(text) +
                                "\", expected none or something like 10.0.0.0/8 or fd00::/8"};
            }
            if (network) {
                rules.allowed.push_back(*network);
            }
        }
        place = std::move(rules);
    });
}

char *set_jwt(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        auto &place = location_conf_of(conf).tokens;
        require_first(cf, !place);
        place = read_jwt(cf, *static_cast<MainConf *>(ngx_http_conf_get_module_main_conf(
                                 cf, ngx_http_image_gateway_module)));
    });
}

char *set_limit(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        LocationConf &location = location_conf_of(conf);
        const std::string_view whose = to_view(arguments(cf)[1]);
        std::optional<Limits> &place = whose == "key"        ? location.key_limits
                                       : whose == "end_user" ? location.end_user_limits
                                                             : location.address_limits;
        if (whose != "key" && whose != "end_user" && whose != "address") {
            throw ConfError{"invalid value \"" + std::string(whose) +
                            "\", expected key, end_user or address"};
        }
        if (place) {
            throw ConfError{"\"image_gateway_limit " + std::string(whose) + "\" is duplicate"};
        }
        place = read_limits(cf);
    });
}

char *set_memory(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        MainConf &main = main_conf_of(conf);
        require_first(cf, !main.memory);
        HeldMemory::Rules rules;
        rules.limit = parse_large_size_parameter(to_view(arguments(cf)[1]));
        constexpr size_t kLeast = size_t{1024} * 1024;
        if (rules.limit < kLeast) {
            throw ConfError{"\"image_gateway_memory\" must be at least 1m"};
        }
        std::string_view share;
        if (cf->args->nelts == 3 && !take_parameter(arguments(cf)[2], "share", share)) {
            invalid_parameter(to_view(arguments(cf)[2]), "share=N%");
        }
        if (!share.empty()) {
            rules.share = static_cast<size_t>(parse_percent(share, "share"));
        }
        main.memory = rules;
    });
}

char *set_state(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        StateRules &state = main_conf_of(conf).state;
        require_first(cf, state.path.empty());
        state.path = full_path(cf, to_view(arguments(cf)[1]));
        state.where =
            to_string(cf->conf_file->file.name) + ":" + std::to_string(cf->conf_file->line);
        for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
            std::string_view value;
            if (take_parameter(arguments(cf)[i], "keep", value)) {
                constexpr int kMostDays = 36'500;
                state.keep_days = parse_count(value, "keep", 1, kMostDays);
            } else if (take_parameter(arguments(cf)[i], "on_error", value)) {
                if (value != "serve" && value != "refuse") {
                    throw ConfError{"invalid on_error \"" + std::string(value) +
                                    "\", expected serve or refuse"};
                }
                state.refuse = value == "refuse";
            } else {
                invalid_parameter(to_view(arguments(cf)[i]), "keep=DAYS or on_error=serve|refuse");
            }
        }
    });
}

char *add_provider(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    bool told = false;
    char *result = read_directive(cf, [&] {
        MainConf &main = main_conf_of(conf);
        const std::string name = to_string(arguments(cf)[1]);
        if (main.models.provider(name) != nullptr) {
            throw ConfError{"duplicate image_provider \"" + name + "\""};
        }
        auto provider = read_provider_block(cf);
        if (provider == nullptr) {
            told = true;
            return;
        }
        main.models.add(std::move(provider));
    });
    return told ? static_cast<char *>(NGX_CONF_ERROR) : result;
}

void add_member(Alias &alias, std::string_view name) {
    if (name.empty() || !is_visible_ascii(name)) {
        throw ConfError{"invalid model \"" + std::string(name) + "\""};
    }
    alias.members.push_back({std::string(name), 1});
}

void read_alias_argument(Alias &alias, const ngx_str_t &argument) {
    const std::string_view text = to_view(argument);
    std::string_view value;
    if (take_parameter(argument, "mode", value)) {
        if (value != "ordered" && value != "weighted") {
            throw ConfError{"invalid mode \"" + std::string(value) +
                            "\", expected ordered or weighted"};
        }
        alias.mode = value == "weighted" ? AliasMode::weighted : AliasMode::ordered;
    } else if (take_parameter(argument, "after_unknown", value)) {
        if (value != "fallback" && value != "fail") {
            throw ConfError{"invalid after_unknown \"" + std::string(value) +
                            "\", expected fallback or fail"};
        }
        alias.choice.after_unknown = value == "fail" ? AfterUnknown::fail : AfterUnknown::fallback;
    } else if (take_parameter(argument, "after_refusal", value)) {
        if (value != "fallback" && value != "fail") {
            throw ConfError{"invalid after_refusal \"" + std::string(value) +
                            "\", expected fallback or fail"};
        }
        alias.choice.after_refusal =
            value == "fallback" ? AfterRefusal::fallback : AfterRefusal::fail;
    } else if (take_parameter(argument, "weight", value)) {
        if (alias.members.empty()) {
            throw ConfError{"\"" + std::string(text) + "\" stands before any model"};
        }
        alias.members.back().weight = parse_count(value, "weight", 1, 1000);
    } else {
        add_member(alias, text);
    }
}

char *add_alias(ngx_conf_t *cf, ngx_command_t * /*command*/, void *conf) {
    return read_directive(cf, [=] {
        Alias alias;
        alias.name = to_string(arguments(cf)[1]);
        // With a '=' it is an option that stands where the name should.
        if (alias.name.empty() || !is_visible_ascii(alias.name) ||
            alias.name.find('=') != std::string::npos) {
            throw ConfError{"invalid name \"" + alias.name + "\" for an image_model"};
        }
        for (ngx_uint_t i = 2; i < cf->args->nelts; ++i) {
            read_alias_argument(alias, arguments(cf)[i]);
        }
        if (alias.members.empty()) {
            throw ConfError{"image_model \"" + alias.name + "\" names no model"};
        }
        const std::string name = alias.name;
        if (!main_conf_of(conf).models.add(std::move(alias))) {
            throw ConfError{"duplicate image_model \"" + name + "\""};
        }
    });
}

ngx_conf_enum_t kAuthModes[] = {
    {ngx_string("required"), static_cast<ngx_uint_t>(AuthMode::required)},
    {ngx_string("optional"), static_cast<ngx_uint_t>(AuthMode::optional)},
    {ngx_string("off"), static_cast<ngx_uint_t>(AuthMode::off)},
    {ngx_null_string, 0},
};

ngx_conf_enum_t kFitModes[] = {
    {ngx_string("adapt"), static_cast<ngx_uint_t>(FitMode::adapt)},
    {ngx_string("strict"), static_cast<ngx_uint_t>(FitMode::strict)},
    {ngx_null_string, 0},
};

constexpr ngx_uint_t kEverywhere = NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

}  // namespace

ngx_command_t image_gateway_commands[] = {
    {ngx_string("image_gateway"), NGX_HTTP_LOC_CONF | NGX_CONF_NOARGS | NGX_CONF_TAKE1, set_gateway,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_zone"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_zone,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_provider"), NGX_HTTP_MAIN_CONF | NGX_CONF_BLOCK | NGX_CONF_TAKE1,
     add_provider, NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_model"), NGX_HTTP_MAIN_CONF | NGX_CONF_2MORE, add_alias,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_auth"), kEverywhere | NGX_CONF_TAKE1, set_word,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, auth), kAuthModes},
    {ngx_string("image_gateway_keys"), kEverywhere | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, keys_file), nullptr},
    {ngx_string("image_gateway_default_model"), kEverywhere | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, default_model), nullptr},
    {ngx_string("image_gateway_body_max"), kEverywhere | NGX_CONF_TAKE1, set_size,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, body_max), nullptr},
    {ngx_string("image_gateway_answer_max"), kEverywhere | NGX_CONF_TAKE1, set_size,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, answer_max), nullptr},
    {ngx_string("image_gateway_deadline"), kEverywhere | NGX_CONF_TAKE1, set_time,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, deadline), nullptr},
    {ngx_string("image_gateway_buffering"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, buffering), nullptr},
    {ngx_string("image_gateway_heartbeat"), kEverywhere | NGX_CONF_TAKE1, set_time,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, heartbeat), nullptr},
    {ngx_string("image_gateway_catalog"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE1, set_catalog,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_fit"), kEverywhere | NGX_CONF_TAKE1, set_word,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, fit), kFitModes},
    {ngx_string("image_gateway_unknown_fields"), kEverywhere | NGX_CONF_1MORE, set_unknown_fields,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_raw"), kEverywhere | NGX_CONF_FLAG, ngx_conf_set_flag_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, raw), nullptr},
    {ngx_string("image_gateway_store"), kEverywhere | NGX_CONF_TAKE1234, set_store,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_store_key"), kEverywhere | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, store_key), nullptr},
    {ngx_string("image_gateway_public_url"), kEverywhere | NGX_CONF_TAKE1, ngx_conf_set_str_slot,
     NGX_HTTP_LOC_CONF_OFFSET, offsetof(LocationFields, public_url), nullptr},
    {ngx_string("image_gateway_fetch_allow"), kEverywhere | NGX_CONF_1MORE, set_fetch_allow,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_jwt"), kEverywhere | NGX_CONF_1MORE, set_jwt,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_limit"), kEverywhere | NGX_CONF_2MORE, set_limit,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_memory"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE12, set_memory,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_state"), NGX_HTTP_MAIN_CONF | NGX_CONF_TAKE123, set_state,
     NGX_HTTP_MAIN_CONF_OFFSET, 0, nullptr},
    {ngx_string("image_gateway_cors"), kEverywhere | NGX_CONF_1MORE, set_cors,
     NGX_HTTP_LOC_CONF_OFFSET, 0, nullptr},
    ngx_null_command,
};

}  // namespace gateway

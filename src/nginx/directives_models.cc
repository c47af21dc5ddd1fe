// Directives for providers, models and their names.
#include <string>
#include <utility>

#include "core/json/text.h"
#include "nginx/directive_values.h"
#include "nginx/provider_block.h"

namespace gateway {

namespace {

void read_catalog(ngx_conf_t *cf, MainConf &main) {
    main.catalog_file = full_path(cf, to_view(arguments(cf)[1]));
    const Fingerprint seen = fingerprint_of(main.catalog_file);
    const std::string text = read_file(cf, main.catalog_file);
    auto catalogue = Catalogue::read(text, main.built_in.get());
    if (!catalogue) {
        throw ConfError{"\"" + main.catalog_file + "\": " + catalogue.error()};
    }
    main.catalog_copy = std::make_shared<SharedCopy>(text, seen);
    main.models.use(std::make_shared<const Catalogue>(std::move(*catalogue)));
}

void read_provider(ngx_conf_t *cf, MainConf &main) {
    const std::string name = to_string(arguments(cf)[1]);
    if (main.models.provider(name) != nullptr) {
        throw ConfError{"duplicate image_provider \"" + name + "\""};
    }
    main.models.add(read_provider_block(cf));
}

void add_member(Alias &alias, std::string_view name) {
    if (name.empty() || !is_visible_ascii(name)) {
        throw ConfError{"invalid model \"" + std::string(name) + "\""};
    }
    alias.members.push_back({std::string(name), 1});
}

// Whether `value` is the first of the two words. Throws if it is neither.
bool is_first_of(std::string_view value, std::string_view option, std::string_view first,
                 std::string_view second) {
    if (value != first && value != second) {
        throw ConfError{"invalid " + std::string(option) + " \"" + std::string(value) +
                        "\", expected " + std::string(first) + " or " + std::string(second)};
    }
    return value == first;
}

void read_alias_argument(Alias &alias, const ngx_str_t &argument) {
    const std::string_view text = to_view(argument);
    std::string_view value;
    if (take_parameter(argument, "mode", value)) {
        alias.mode = is_first_of(value, "mode", "ordered", "weighted") ? AliasMode::ordered
                                                                       : AliasMode::weighted;
    } else if (take_parameter(argument, "after_unknown", value)) {
        alias.choice.after_unknown = is_first_of(value, "after_unknown", "fallback", "fail")
                                         ? AfterUnknown::fallback
                                         : AfterUnknown::fail;
    } else if (take_parameter(argument, "after_refusal", value)) {
        alias.choice.after_refusal = is_first_of(value, "after_refusal", "fallback", "fail")
                                         ? AfterRefusal::fallback
                                         : AfterRefusal::fail;
    } else if (take_parameter(argument, "variation", value)) {
        alias.varies_by_edits = is_first_of(value, "variation", "edit", "model");
    } else if (take_parameter(argument, "weight", value)) {
        if (alias.members.empty()) {
            throw ConfError{"\"" + std::string(text) + "\" must follow a model"};
        }
        alias.members.back().weight = parse_count(value, "weight", 1, 1000);
    } else {
        add_member(alias, text);
    }
}

void read_alias(ngx_conf_t *cf, MainConf &main) {
    Alias alias;
    alias.name = to_string(arguments(cf)[1]);
    // With a '=' it is an option in the place of the name.
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
    if (!main.models.add(std::move(alias))) {
        throw ConfError{"duplicate image_model \"" + name + "\""};
    }
}

constexpr Directive kModelDirectives[] = {
    {"image_gateway_catalog", kHttp, {1, 1}, "", {read_catalog}},
    {"image_gateway_default_model",
     kHttpServerLocation,
     {1, 1},
     "",
     text_value<&Policy::default_model>},
    {"image_model", kHttp, {2, kAnyNumber}, "", {read_alias}, true},
    {"image_provider", kHttp, {1, 1}, "", {read_provider}, true, true},
};
[[gnu::used]] constexpr auto kModelText = rows_as_text<kModelDirectives>();

}  // namespace

std::span<const Directive> model_directives() {
    return kModelDirectives;
}

}  // namespace gateway

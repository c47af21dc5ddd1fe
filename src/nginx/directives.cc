// Makes nginx's command for each row of the tables, and reads the directive that makes a location a
// gateway. docs/directives.md describes all directives.
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "nginx/directive.h"
#include "nginx/directive_values.h"

namespace gateway {

namespace {

const Profile *find_profile(std::string_view name) {
    const Profile *profile = profile_named(name);
    if (profile == nullptr) {
        std::string known;
        for (const Profile &one : profiles()) {
            known.append(known.empty() ? "" : ", ").append(one.name);
        }
        throw ConfError{"unknown profile \"" + std::string(name) + "\", expected one of: " + known};
    }
    return profile;
}

void read_gateway(ngx_conf_t *cf, LocationConf &location) {
    if (cf->args->nelts == 2) {
        std::string_view profile;
        if (!take_parameter(arguments(cf)[1], "profile", profile)) {
            invalid_parameter(to_view(arguments(cf)[1]), "profile=NAME");
        }
        location.policy.profile = find_profile(profile);
    }
    if (location.page != nullptr) {
        throw ConfError{"\"image_gateway\" and \"image_gateway_page\" cannot share a location"};
    }
    location.enabled = true;
    auto *core = static_cast<ngx_http_core_loc_conf_t *>(
        ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module));
    core->handler = content_handler;
}

constexpr Directive kGatewayDirectives[] = {
    {"image_gateway", kLocation, {0, 1}, "", {nullptr, read_gateway}},
};
[[gnu::used]] constexpr auto kGatewayText = rows_as_text<kGatewayDirectives>();

std::array<std::span<const Directive>, 11> tables() {
    return {kGatewayDirectives,   access_directives(),  answer_directives(),  model_directives(),
            page_directives(),    report_directives(),  sharing_directives(), store_directives(),
            tracing_directives(), webhook_directives(), worker_directives()};
}

// The number of a row is its place in WrittenDirectives.
template <typename Visit>
void for_each_row(Visit visit) {
    size_t number = 0;
    for (const auto &table : tables()) {
        for (const Directive &row : table) {
            visit(row, number++);
        }
    }
}

void mark_as_written(ngx_conf_t *cf, const ngx_command_t &command, const Directive &row,
                     WrittenDirectives &written) {
    if (written[command.offset] && !row.repeats) {
        throw ConfError{"\"" + to_string(arguments(cf)[0]) + "\" directive is duplicate"};
    }
    written[command.offset] = true;
}

constexpr unsigned kMaxCounted = 7;  // arguments that nginx counts

void check_count(ngx_conf_t *cf, ArgumentCount count) {
    if (count.max > kMaxCounted && count.max != kAnyNumber && cf->args->nelts > count.max + 1) {
        throw ConfError{"invalid number of arguments in \"" + to_string(arguments(cf)[0]) +
                        "\" directive"};
    }
}

extern "C" char *image_gateway_read_directive(ngx_conf_t *cf, ngx_command_t *command, void *conf) {
    return read_directive(cf, [=] {
        const Directive &row = *static_cast<const Directive *>(command->post);
        check_count(cf, row.arguments);
        if (row.target.read_main != nullptr) {
            auto &main = *static_cast<MainConf *>(conf);
            mark_as_written(cf, *command, row, main.written);
            row.target.read_main(cf, main);
        } else {
            auto &location = *static_cast<LocationConf *>(conf);
            mark_as_written(cf, *command, row, location.written);
            row.target.read_location(cf, location);
        }
    });
}

ngx_uint_t count_flags(ArgumentCount count) {
    if (count.max > kMaxCounted) {
        return count.min == 1 ? NGX_CONF_1MORE : NGX_CONF_2MORE;
    }
    static_assert(NGX_CONF_NOARGS == 1 && NGX_CONF_TAKE1 == 1 << 1 &&
                  NGX_CONF_TAKE7 == 1 << kMaxCounted);
    ngx_uint_t flags = 0;
    for (unsigned number = count.min; number <= count.max; ++number) {
        flags |= ngx_uint_t{1} << number;
    }
    return flags;
}

// The command's last member is not const, but nginx does not write to it.
void *for_nginx(const Directive &row) {
    return const_cast<Directive *>(&row);
}

// Reads the default of a row, as if its arguments stood in the configuration.
template <typename Read>
void read_initial(ngx_conf_t *cf, const Directive &row, Read read) {
    std::vector<ngx_str_t> words = {to_ngx(row.name)};
    for (const std::string_view argument : split_words(row.initial)) {
        words.push_back(to_ngx(argument));
    }
    ngx_array_t array{words.data(), words.size(), sizeof(ngx_str_t), words.size(), cf->pool};
    ngx_conf_t inner = *cf;
    inner.args = &array;
    read(&inner);
}

}  // namespace

void read_location_defaults(ngx_conf_t *cf, LocationConf &location) {
    for_each_row([&](const Directive &row, size_t /*number*/) {
        if (row.target.read_location != nullptr && !row.initial.empty()) {
            read_initial(cf, row,
                         [&](ngx_conf_t *inner) { row.target.read_location(inner, location); });
        }
    });
}

void read_main_defaults(ngx_conf_t *cf, MainConf &main) {
    for_each_row([&](const Directive &row, size_t number) {
        if (row.target.read_main != nullptr && !row.initial.empty() && !main.written[number]) {
            read_initial(cf, row, [&](ngx_conf_t *inner) { row.target.read_main(inner, main); });
            main.written[number] = true;
        }
    });
}

void inherit_directives(LocationConf &location, const LocationConf &above) {
    for_each_row([&](const Directive &row, size_t number) {
        if (row.target.inherit != nullptr && (row.repeats || !location.written[number])) {
            row.target.inherit(location, above);
        }
    });
}

ngx_command_t *commands() {
    static std::vector<ngx_command_t> all = [] {
        std::vector<ngx_command_t> made;
        for_each_row([&](const Directive &row, size_t number) {
            made.push_back(
                {to_ngx(row.name),
                 row.contexts | count_flags(row.arguments) | (row.has_block ? NGX_CONF_BLOCK : 0),
                 image_gateway_read_directive,
                 row.target.read_main != nullptr ? NGX_HTTP_MAIN_CONF_OFFSET
                                                 : NGX_HTTP_LOC_CONF_OFFSET,
                 number, for_nginx(row)});
        });
        made.push_back(ngx_null_command);
        return made;
    }();
    return all.data();
}

}  // namespace gateway

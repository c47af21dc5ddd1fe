// A directive of http, server and location is one row: where it may stand, its arguments, its
// default, how it is read, and what a location inherits. The rows are in directives_*.cc, by
// feature; directives.cc makes nginx's commands of them.
#pragma once

#include <span>
#include <string_view>

#include "nginx/conf.h"
#include "nginx/directive_text.h"

namespace gateway {

inline constexpr ngx_uint_t kHttp = NGX_HTTP_MAIN_CONF;
inline constexpr ngx_uint_t kLocation = NGX_HTTP_LOC_CONF;
inline constexpr ngx_uint_t kHttpServerLocation =
    NGX_HTTP_MAIN_CONF | NGX_HTTP_SRV_CONF | NGX_HTTP_LOC_CONF;

inline constexpr unsigned kAnyNumber = 99;

struct ArgumentCount {
    unsigned min;
    unsigned max;
};

// Where the value goes. One of the first two is set: the value belongs to the MainConf or to a
// LocationConf. Both throw ConfError.
struct DirectiveTarget {
    void (*read_main)(ngx_conf_t *cf, MainConf &main) = nullptr;
    void (*read_location)(ngx_conf_t *cf, LocationConf &location) = nullptr;
    // Takes over the value of the surrounding block. Null: a location does not inherit it.
    void (*inherit)(LocationConf &location, const LocationConf &above) = nullptr;
};

struct Directive {
    std::string_view name;
    ngx_uint_t contexts;
    ArgumentCount arguments;
    // The default: arguments as the manual writes them, which are read if the configuration does
    // not have the directive. Empty: no default.
    std::string_view initial;
    DirectiveTarget target;
    // May stand several times in a block. `inherit` is then always called, and merges.
    bool repeats = false;
    bool has_block = false;
};

// For rows_as_text().
template <typename Add>
constexpr void describe_row(const Directive &row, Add add) {
    const std::string_view contexts = row.contexts == kHttpServerLocation ? "http, server, location"
                                      : row.contexts == kHttp             ? "http"
                                                                          : "location";
    describe(row.name, contexts, row.arguments.min, row.arguments.max, row.repeats, row.has_block,
             row.initial, add);
}

// The tables.
std::span<const Directive> access_directives();
std::span<const Directive> answer_directives();
std::span<const Directive> model_directives();
std::span<const Directive> report_directives();
std::span<const Directive> page_directives();
std::span<const Directive> sharing_directives();
std::span<const Directive> store_directives();
std::span<const Directive> tracing_directives();
std::span<const Directive> webhook_directives();
std::span<const Directive> worker_directives();

// Sets the defaults of all rows that a location has.
void read_location_defaults(ngx_conf_t *cf, LocationConf &location);
// Sets the defaults of the directives of http that the configuration does not have.
void read_main_defaults(ngx_conf_t *cf, MainConf &main);
// Takes over from the surrounding block what the location does not have itself.
void inherit_directives(LocationConf &location, const LocationConf &above);

}  // namespace gateway

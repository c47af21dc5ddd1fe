// The directives of an image_provider block, one row each.
#pragma once

#include <span>
#include <string_view>

#include "core/providers/dialect.h"
#include "nginx/directive_text.h"
#include "nginx/ngx.h"
#include "nginx/provider_rules.h"

namespace gateway {

struct ProviderBlock {
    ngx_conf_t *cf;
    Provider provider;
    bool keyless = false;
    std::vector<std::string_view> seen;
};

struct ProviderDirective {
    std::string_view name;
    unsigned min;  // arguments
    unsigned max;
    // The default: arguments as the manual writes them, which are read before the block is. Empty:
    // no default.
    std::string_view initial;
    void (*read)(ProviderBlock &, const Arguments &);  // throws ConfError
    bool repeats = false;
};

// For rows_as_text().
template <typename Add>
constexpr void describe_row(const ProviderDirective &row, Add add) {
    describe(row.name, "image_provider", row.min, row.max, row.repeats, false, row.initial, add);
}

std::span<const ProviderDirective> provider_directives();

}  // namespace gateway

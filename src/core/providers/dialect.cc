#include "core/providers/dialect.h"

namespace gateway {

tl::expected<std::unique_ptr<Dialect>, std::string> Dialect::changed(
    std::span<const std::string_view> /*words*/) const {
    return tl::unexpected("api \"" + std::string(name()) + "\" takes no parameters");
}

}  // namespace gateway

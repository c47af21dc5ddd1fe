#include "core/providers/provider_request.h"

#include "core/random.h"

namespace gateway {

std::optional<int64_t> ProviderRequest::seed(bool draws) const {
    if (params.has(Param::seed)) {
        return params.integer(Param::seed, 0);
    }
    return draws ? std::optional(random_seed(random)) : std::nullopt;
}

}  // namespace gateway

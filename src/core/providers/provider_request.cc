#include "core/providers/provider_request.h"

#include <algorithm>

#include "core/random.h"

namespace gateway {

bool CallInputs::any_file_id() const {
    const auto is_id = [](const InputImage &image) { return !image.has_content(); };
    return std::any_of(images.begin(), images.end(), is_id) || (mask != nullptr && is_id(*mask));
}

std::optional<int64_t> ProviderRequest::seed(bool draws) const {
    if (params.has(Param::seed)) {
        return params.integer(Param::seed, 0);
    }
    return draws ? std::optional(random_seed(random)) : std::nullopt;
}

}  // namespace gateway

// What of a result the caller must be told, because it is not what was asked for.
#pragma once

#include <vector>

#include "core/outcome.h"
#include "core/request/image_request.h"

namespace gateway {

// `asked` is the caller's wish, `sent` what the provider was told.
std::vector<Adjustment> list_differences(const ImageResult &result, const Params &asked,
                                         const Params &sent);

}  // namespace gateway

// What of a result the caller must be told, because it is not what was asked for.
#pragma once

#include <cstdint>
#include <vector>

#include "core/catalog/model_spec.h"
#include "core/outcome.h"
#include "core/request/image_request.h"
#include "core/response/delivery.h"

namespace gateway {

// Until when the provider's own links lead somewhere, as far as its catalogue says.
void note_lifetimes(ImageResult &result, const ModelSpec &model, int64_t now);

// What the bytes say about size and format wins over what the provider says.
void take_truth(ImageResult &result);

// `asked` is the caller's wish, `sent` what the provider was told.
std::vector<Adjustment> list_differences(const ImageResult &result, const Params &asked,
                                         const Params &sent,
                                         const std::vector<PictureDelivery::Problem> &problems);

}  // namespace gateway

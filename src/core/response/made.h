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

// Published types require these words of an answer. Where neither the bytes nor the provider say
// what was made, it is what was sent, or else "auto": the provider's choice. Of a format there is
// no such word, so that it stays open where it is in a link that nobody has fetched.
void fill_in_sent(ImageResult &result, const Params &sent);

// `asked` is the caller's wish, `sent` what the provider was told.
std::vector<Adjustment> list_differences(const ImageResult &result, const Params &asked,
                                         const Params &sent,
                                         const std::vector<PictureDelivery::Problem> &problems);

}  // namespace gateway

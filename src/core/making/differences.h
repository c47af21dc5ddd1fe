// Where the images differ from what was requested: what the caller must be told.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/catalog/model_spec.h"
#include "core/making/delivery.h"
#include "core/outcome.h"
#include "core/request/image_request.h"

namespace gateway {

// Until when the provider's own link leads somewhere, as far as its catalogue says.
void note_lifetime(Image &image, const ModelSpec &model, int64_t now);

// Published types require these words of an answer. Where neither the bytes nor the provider say
// what was made, it is what was sent, or else "auto": the provider's choice. Of a format there is
// no such word, so that it stays open where it is in a link that nobody has fetched.
void fill_in_sent(ImageWords &words, const Params &sent);

// `requested` is the caller's wish, `sent` what the provider was told.
std::vector<Adjustment> list_differences(const ImageWords &words, std::span<const Image> images,
                                         const Params &requested, const Params &sent,
                                         std::span<const ImageDelivery::Problem> problems);

}  // namespace gateway

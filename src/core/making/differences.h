// Lists how the images differ from what was requested.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/catalog/model_spec.h"
#include "core/making/delivery.h"
#include "core/outcome.h"
#include "core/request/image_request.h"

namespace gateway {

// Sets the time when the provider's link expires, if the catalogue has its lifetime.
void note_lifetime(Image &image, const ModelSpec &model, int64_t now);

// Published types require these words in a reply. If neither the bytes nor the provider say what
// was made, the word is what was sent, or otherwise "auto": the provider's choice. There is no
// "auto" for the format, so the format of a link that was not fetched can stay empty.
void fill_in_sent(ImageWords &words, const Params &sent);

// `requested` is what the caller requested, `sent` what was sent to the provider.
std::vector<Adjustment> list_differences(const ImageWords &words, std::span<const Image> images,
                                         const Params &requested, const Params &sent,
                                         std::span<const ImageDelivery::Problem> problems);

}  // namespace gateway

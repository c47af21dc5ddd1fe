// What is known of the pictures of one call: what their bytes say of all of them, and the part that
// each has of what the call used.
#pragma once

#include <span>

#include "core/outcome.h"

namespace gateway {

// What the bytes of a picture say about size and format wins over what the provider says.
void take_truth(ImageResult &result, const Image &picture);

// The same counts with none left out: output tokens that the provider does not tell apart are those
// of pictures.
Usage with_all_details(Usage usage);

// Gives each picture its part of what all of them used. What the caller was told of a picture
// stays; the others have equal parts of the rest, in whole tokens. All parts together are `all`.
void share_usage(std::span<Image> images, const Usage &all);

}  // namespace gateway

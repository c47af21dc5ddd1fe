// Reads facts about images from their own bytes.
#pragma once

#include "core/images/image_facts.h"
#include "core/outcome.h"

namespace gateway {

// Whether the whole image is in memory, or only its beginning, because it was passed through.
enum class ImagePart : uint8_t { whole, beginning };

void set_facts(Image &image, const ImageFacts &facts);

// Reads format, width, height and size of an image that is in memory as bytes. Returns false if it
// is not an image or is truncated.
bool read_facts(Image &image, ImagePart part = ImagePart::whole);

// Reads the facts of all images of a success. Removes those that are not images; if none is left,
// the outcome becomes unknown. After the first `requested` images it removes the others without
// reading them, because a provider may send any number.
void check_images(Outcome &outcome, int64_t requested, ImagePart part = ImagePart::whole);

}  // namespace gateway

// Detects the format of an image by its first bytes. 12 bytes suffice; for some AVIF and HEIC files
// up to kFrontOfImage.
#pragma once

#include <string_view>

#include "core/outcome.h"

namespace gateway {

ImageFormat sniff(std::string_view bytes);

}  // namespace gateway

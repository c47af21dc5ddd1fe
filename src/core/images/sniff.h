// Detects the format of an image by its first bytes.
#pragma once

#include <string_view>

#include "core/outcome.h"

namespace gateway {

ImageFormat sniff(std::string_view bytes);

}  // namespace gateway

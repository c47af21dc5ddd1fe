// What bytes really are, by their first few.
#pragma once

#include <string_view>

#include "core/outcome.h"

namespace gateway {

ImageFormat sniff(std::string_view bytes);

}  // namespace gateway

// Our own ids: unguessable, and short enough to read out.
#pragma once

#include <string>

#include "core/ports.h"

namespace gateway {

std::string new_request_id(Random &random);

}  // namespace gateway

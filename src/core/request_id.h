// The gateway's request ids: hard to guess, and short enough to read aloud.
#pragma once

#include <string>

#include "core/ports.h"

namespace gateway {

std::string new_request_id(Random &random);

}  // namespace gateway

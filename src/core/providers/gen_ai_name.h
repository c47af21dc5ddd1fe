// The names that OpenTelemetry's conventions for generative AI have for providers.
#pragma once

#include <string_view>

#include "core/providers/provider.h"

namespace gateway {

// That of its api, if there is none.
std::string_view gen_ai_name_of(const Provider &provider);

}  // namespace gateway

// Headers that most calls to providers have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/providers/dialect.h"

namespace gateway {

// For an answer in JSON: with the key, if there is one, behind `key_header` ("x-key: "), and the
// caller's trace.
std::vector<std::string> call_headers(const ProviderRequest &request, std::string_view key_header);

}  // namespace gateway

// A model's name in a URL. Callers may write any name. None may lead to another path of the
// provider, because the provider key works there, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/providers/dialect.h"

namespace gateway {

// Escapes all characters with a meaning in URLs but '/'. Nothing if a part is empty, "." or "..".
std::optional<std::string> path_of_model(std::string_view model);

// The same where a model is one part of the path: '/' is escaped, too.
std::optional<std::string> segment_of_model(std::string_view model);

// For a model whose name is not valid: an outcome `not_here`, without a request.
LocalWork no_such_model(std::string_view model);

}  // namespace gateway

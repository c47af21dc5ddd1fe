// A model's name in a URL. Callers may write any, and none may lead to another path of the
// provider's, where our key would open more than pictures.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/providers/dialect.h"

namespace gateway {

// "owner/name" stays as it is, what has a meaning in URLs is escaped. Nothing for what is no path
// downwards: empty parts, "." and "..".
std::optional<std::string> path_of_model(std::string_view model);

// The same for apis whose models are one part of a path: a '/' is escaped too.
std::optional<std::string> segment_of_model(std::string_view model);

// Work for a model whose name is no path: there is none such, without asking.
LocalWork no_such_model(std::string_view model);

}  // namespace gateway

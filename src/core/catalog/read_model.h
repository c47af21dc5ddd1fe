// From a family or a row of catalog.json to a ModelSpec.
#pragma once

#include <string>

#include "core/catalog/model_spec.h"
#include "core/json/document.h"

namespace gateway {

// Members that are there take the place of what the specification has; parameters one by one, and
// null takes one away. Throws Mistake.
void read_model(const std::string &path, JsonValue object, ModelSpec &into);

}  // namespace gateway

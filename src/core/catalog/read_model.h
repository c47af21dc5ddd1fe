// Reads a family or a row of catalog.json into a ModelSpec.
#pragma once

#include <string>

#include "core/catalog/model_spec.h"
#include "core/json/document.h"

namespace gateway {

// Members of `object` replace those of `into`. Parameters are replaced one by one; null removes a
// parameter. Throws Mistake.
void read_model(const std::string &path, JsonValue object, ModelSpec &into);

}  // namespace gateway

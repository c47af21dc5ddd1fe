// Reads the "price" of a model in catalog.json into a Price.
#pragma once

#include <optional>
#include <string>

#include "core/catalog/price.h"
#include "core/json/document.h"

namespace gateway {

// Returns nothing for null, which means that the model has no price. Throws Mistake.
std::optional<Price> read_price(const std::string &path, JsonValue value);

}  // namespace gateway

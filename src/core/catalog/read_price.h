// From the "price" of a model in catalog.json to a Price.
#pragma once

#include <optional>
#include <string>

#include "core/catalog/price.h"
#include "core/json/document.h"

namespace gateway {

// Nothing for null: the model has no price. Throws Mistake.
std::optional<Price> read_price(const std::string &path, JsonValue value);

}  // namespace gateway

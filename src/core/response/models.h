// The list of models that a caller may use, in OpenAI's form. In addition, each model has its
// parameters with their types and bounds, and its price.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/access/identify.h"
#include "core/routing/model_map.h"

namespace gateway {

// The models and the caller who requests the list. All of it must outlive the context.
struct ModelListContext {
    const ModelMap &models;
    const Catalogue &catalogue;
    const Caller &caller;
};

// Writes the aliases, then the models that the catalogue names for each provider.
std::string write_models(const ModelListContext &context, int64_t now);

// Writes one model, by any name that a request may use.
tl::expected<std::string, ApiError> write_model(const ModelListContext &context,
                                                std::string_view name, int64_t now);

}  // namespace gateway

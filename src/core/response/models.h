// Which models a caller may use, what each can do and what it costs: OpenAI's list of models, with
// a typed descriptor for each parameter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "core/access/identify.h"
#include "core/routing/model_map.h"

namespace gateway {

// The models and who asks for the list. All of it outlives the context.
struct ModelListContext {
    const ModelMap &models;
    const Catalogue &catalogue;
    const Caller &caller;
};

// Aliases first, then what each provider's part of the catalogue names.
std::string write_models(const ModelListContext &context, int64_t now);

// One of them, under any name that a request might use.
tl::expected<std::string, ApiError> write_model(const ModelListContext &context,
                                                std::string_view name, int64_t now);

}  // namespace gateway

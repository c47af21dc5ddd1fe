// The input of fal's models, as JSON. Each model has a schema of its own; common settings have
// common names.
#pragma once

#include <string>
#include <string_view>

#include "core/json/writer.h"
#include "core/providers/provider_request.h"

namespace gateway {

JsonWriter write_fal_input(const ProviderRequest &request);

// The names of all fields that are written here, separated by spaces.
std::string fal_field_names();

// The published name of a field: n for "num_images". An unknown field keeps its name.
std::string_view published_name_of(std::string_view fal_field);

}  // namespace gateway

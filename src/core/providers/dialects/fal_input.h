// The input of fal's models, as JSON. Each model has a schema of its own; common settings have
// common names.
#pragma once

#include <string>
#include <string_view>

#include "core/json/writer.h"
#include "core/providers/provider_request.h"

namespace gateway {

// Writes the input as an object without its end, and without input images.
void write_fal_input(JsonWriter &body, const ProviderRequest &request);

// The endpoint of a call: the model's name, or that of the endpoint beside it that edits.
std::string_view fal_endpoint(const ProviderRequest &request);

// The names of all fields that are written here, separated by spaces.
std::string fal_field_names();

// The published name of a field: n for "num_images". An unknown field keeps its name.
std::string_view published_name_of(std::string_view fal_field);

}  // namespace gateway

// What fal's models are asked with: their input, as JSON. Each has a schema of its own, but what
// they have in common has common names.
#pragma once

#include <string>
#include <string_view>

#include "core/json/writer.h"
#include "core/providers/provider_request.h"

namespace gateway {

JsonWriter write_fal_input(const ProviderRequest &request);

// The names of all that is written here, separated by spaces.
std::string fal_field_names();

// What callers know a field as: "num_images" is n. A field that they do not know stays as it is.
std::string_view published_name_of(std::string_view fal_field);

}  // namespace gateway

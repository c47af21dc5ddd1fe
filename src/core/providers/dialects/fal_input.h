// What fal's models are asked with: their input, as JSON. Each has a schema of its own, but what
// they have in common has common names.
#pragma once

#include <string>
#include <string_view>

#include "core/providers/dialect.h"

namespace gateway {

std::string write_fal_input(const ProviderRequest &request);

// Whether a field is written here, or has a published name that stands for one.
bool is_fal_field(std::string_view field);

// What callers know a field as: "num_images" is n. A field that they do not know stays as it is.
std::string_view published_name_of(std::string_view fal_field);

}  // namespace gateway

// The names of common settings in the inputs of Replicate's models: a row for each family.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/writer.h"
#include "core/providers/provider_request.h"

namespace gateway {

// A field and its value as JSON text. Without a name it is not sent.
struct InputSetting {
    std::string_view name;
    std::string_view value;
};

struct InputNames {
    std::string_view models;
    std::string_view count = {};  // n
    std::string_view tier = {};   // the resolution
    std::string_view steps = {};
    std::string_view compression = "output_quality";
    std::string_view jpeg = "jpg";
    InputSetting lenient = {};  // for a moderation of "low"
    InputSetting plain = {};    // turns off rewriting of the prompt
    bool takes_seed = false;    // it does not report a seed that it drew itself
    bool matches = false;       // it makes squares of input images unless it is told otherwise
};

// The row of a model, with or without ":version" after its name.
const InputNames &input_names(std::string_view model);

// Writes the members of the object "input", but for input images.
void write_input(JsonWriter &input, const ProviderRequest &request, const InputNames &names,
                 std::optional<int64_t> seed);

// The fields that write_input() writes to some model and that no published API has a name for,
// separated by spaces.
std::string replicate_field_names();

}  // namespace gateway

// What Replicate's models call the things that every model has: a row for each family of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/writer.h"
#include "core/request/image_request.h"

namespace gateway {

// A field and its value as JSON text; none when it has no name.
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
    InputSetting lenient = {};  // what a moderation of "low" is
    InputSetting plain = {};    // leaves the prompt as it is
    bool takes_seed = false;    // the one that it draws itself, it does not tell
};

// Of a model, with or without the ":version" behind its name.
const InputNames &input_names(std::string_view model);

// Members of the object "input".
void write_input(JsonWriter &input, const Params &params, const InputNames &names,
                 std::optional<int64_t> seed);

// The fields that write_input() writes to some model and that no published API has a name for,
// separated by spaces.
std::string replicate_field_names();

}  // namespace gateway

// How one of the many servers that speak OpenAI's Images API differs from OpenAI: data, by api, and
// by what an operator says of a server of their own.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "core/providers/error_response.h"
#include "core/request/image_request.h"

namespace gateway {

struct OpenAiVariant {
    // Where a parameter goes that is not sent under its own name.
    struct Field {
        Param param;
        std::string name;    // empty: it is not sent
        std::string second;  // of a size: the height's; then `name` is the width's
        std::vector<std::pair<std::string, std::string>> words;  // other words for its values
    };
    // Where the answer tells the cost, and what one of its units is in millionths of a dollar.
    struct CostField {
        std::vector<std::string> path;
        double unit = 0;
    };

    std::string api;
    std::string path = "/images/generations";     // {model} in it stands for the model
    std::string auth = "Authorization: Bearer ";  // what stands before the key
    bool needs_key = true;
    bool names_model = true;    // in the body
    bool ignores_case = false;  // in the names of models
    std::vector<Field> fields;
    bool streams = false;        // previews, and pictures as they are ready
    bool withholds = false;      // may say of a picture in its answer that it must not be shown
    bool needs_seed = false;     // its own would always be the same, or nobody would be told it
    bool prompt_extras = false;  // sd-server takes all else in a block at the end of the prompt
    std::optional<CostField> cost;
    std::vector<ErrorRule> errors;  // looked at before those of OpenAI

    [[nodiscard]] const Field *field(Param param) const;
    [[nodiscard]] bool sends(Param param) const;
};

// Those that are built in.
std::span<const OpenAiVariant> openai_variants();

// One of an operator's words about a server: "path=/images", "auth=x-key",
// "fields=seed:random_seed". Says what is wrong with it.
tl::expected<void, std::string> change_variant(OpenAiVariant &variant, std::string_view word);

}  // namespace gateway

// How a server that implements OpenAI's Images API differs from OpenAI, as data. There is a row for
// each api, which an operator can change by the parameters of the directive `api`.
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
    // The field of a parameter that is not sent under its own name.
    struct Field {
        Param param;
        std::string name;    // empty: it is not sent
        std::string second;  // for a size: the field of the height; `name` is that of the width
        std::vector<std::pair<std::string, std::string>> words;  // other words for some values
    };
    // Where the response has the cost, and the value of its unit in millionths of a dollar.
    struct CostField {
        std::vector<std::string> path;
        double unit = 0;
    };

    // Requests with input images.
    struct Inputs {
        std::string path;            // empty: there are none
        std::string mask_path;       // for requests with a mask; empty: the same
        std::string variation_path;  // empty: the same
        enum class Form : uint8_t {
            parts,  // multipart/form-data: `field` for one image, and `list` for each of several
            data_urls,    // JSON: a string for one image, and an array for several
            url_objects,  // JSON: {"type": "image_url", "url": …}, likewise
            nested_urls,  // JSON: always an array of {"type": "image_url", "image_url": {"url": …}}
            numbered,     // JSON: `field`, then `field` with the numbers from 2 on
            numbered_base64,  // JSON: `field`, `field`_2 …, without the head of a data URL
        } form = Form::parts;
        std::string field = "image";
        std::string list = "image[]";
        std::string mask = "mask";
        bool file_ids = false;  // an image that the provider has; the request is then JSON
        // Required by the provider, and sent if the request has none:
        std::optional<double> strength;  // of an edit without a mask
        std::string variation_size = {};
    };

    // A tool that changes an image. Its name as a model is the end of its address.
    struct Tool {
        std::string name;
        std::string model;  // that is sent as the model, and draws; empty: it has none
        bool takes_strength = false;
    };

    std::string api;
    std::string path = "/images/generations";  // {model} stands for the model
    // What stands for {model} for models that match a pattern, in any case; empty: their names.
    std::vector<std::pair<std::string, std::string>> segments = {};
    std::string auth = "Authorization: Bearer ";  // what precedes the key
    bool needs_key = true;
    bool names_model = true;    // in the body
    bool ignores_case = false;  // in the names of models
    std::vector<Field> fields;
    bool streams = false;        // can send previews, and images as they are ready
    bool withholds = false;      // may mark an image in its response as not to be shown
    bool needs_seed = false;     // its default seed is always the same, or it does not report it
    bool prompt_extras = false;  // sd-server: settings go into a block at the end of the prompt
    Inputs inputs;
    std::vector<Tool> tools = {};  // each at /images/NAME
    std::optional<CostField> cost;
    std::vector<ErrorRule> errors;  // tried before those of OpenAI

    [[nodiscard]] const Field *field(Param param) const;
    [[nodiscard]] bool sends(Param param) const;
    // Null if the model is no tool.
    [[nodiscard]] const Tool *tool(std::string_view model) const;
};

// The built-in rows.
std::span<const OpenAiVariant> openai_variants();

// Applies the parameters of the directive `api`: "path=/images", "edits=/images/edits",
// "auth=x-key", "fields=seed:random_seed". Or says what is wrong with one.
tl::expected<void, std::string> change_variant(OpenAiVariant &variant,
                                               std::span<const std::string_view> words);

}  // namespace gateway

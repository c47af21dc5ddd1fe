// A row of the catalogue as typed data: what a model can do and what it costs.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/catalog/price.h"
#include "core/request/geometry.h"
#include "core/request/image_request.h"
#include "core/request/input_image.h"
#include "core/request/operation.h"

namespace gateway {

inline constexpr size_t kOperationCount = static_cast<size_t>(Operation::stream) + 1;
std::string_view name_of(Operation operation);
std::optional<Operation> operation_named(std::string_view name);

// The values that a model accepts for one parameter. What is not set is not limited.
struct ParamSpec {
    std::optional<double> min;
    std::optional<double> max;
    std::optional<int64_t> max_length;  // characters
    std::vector<std::string> choices;   // quality, background …
    // Words of other APIs for a choice, if the common synonyms do not apply.
    std::map<std::string, std::string, std::less<>> aliases;
    // A sentence that is appended to the prompt, with {} for the value. For parameters that the
    // model does not have. Only operators set it.
    std::string fold;
};

// The sizes that a model accepts: the listed ones, and those that a rule allows.
struct SizeSpec {
    bool automatic = false;  // accepts "auto"
    std::vector<Pixels> list;
    struct Rule {
        int64_t multiple_of = 1;
        int64_t min_side = 1;
        int64_t max_side = 16384;
        int64_t min_area = 1;
        int64_t max_area = INT64_MAX;
        double max_ratio = 16384;
        [[nodiscard]] bool allows(Pixels size) const;
    };
    std::optional<Rule> rule;

    // A row without sizes and without a rule accepts any size.
    [[nodiscard]] bool takes_any() const { return list.empty() && !rule; }
    [[nodiscard]] bool allows(Pixels size) const;
};

// The ratios that a model accepts: the listed ones, or all between `min` and `max`.
struct RatioSpec {
    bool automatic = false;
    std::vector<Pixels> list;
    std::optional<Pixels> min;
    std::optional<Pixels> max;
};

// The tiers that a model accepts, in its own spelling.
struct TierSpec {
    struct Tier {
        std::string name;
        int64_t side;  // of a square image
    };
    std::vector<Tier> list;
    std::string standard;  // the model's own default
};

// The input images that a model takes for an edit or a variation.
struct InputSpec {
    int64_t min = 1;  // how many; more than `max` are refused
    int64_t max = 1;
    std::optional<MaskForm> mask;  // not set: it takes no masks
    bool needs_mask = false;
    // It renders the whole image anew, so that pixels outside of the mask change, too.
    bool is_mask_soft = false;
    std::vector<ImageFormat> formats{ImageFormat::png, ImageFormat::jpeg, ImageFormat::webp};
    // Of each image; not set: not limited.
    std::optional<int64_t> max_bytes;
    std::optional<int64_t> min_side;
    std::optional<int64_t> max_side;
    std::optional<int64_t> max_pixels;
    std::optional<int64_t> max_total_bytes;  // of all images
    bool takes_file_ids = false;             // ids of files that were uploaded to the provider
    // Of each image beside a file_id: the request is then JSON, which may have another limit.
    std::optional<int64_t> max_bytes_beside_file_ids;
    bool needs_prompt = true;
    // The provider's names of the fields, where they differ from model to model.
    std::string field;
    std::string mask_field;
    bool is_list = false;  // the field has a list
    // Where the size comes from if the request names none.
    std::string default_size;
    // Parameters that the model takes, but not for edits, for edits with a mask, or for variations.
    std::bitset<kParamCount> excludes;
    std::bitset<kParamCount> mask_excludes;
    std::bitset<kParamCount> variation_excludes;
};

enum class ModelStatus : uint8_t { current, preview, deprecated, shut_down };
std::string_view name_of(ModelStatus status);

struct ModelSpec {
    std::string pattern;
    std::bitset<kOperationCount> operations;
    std::array<std::optional<ParamSpec>, kParamCount> params;  // not set: the model has none
    // The details of size, aspect_ratio and resolution. Set together with their entries in
    // `params`.
    SizeSpec size;
    RatioSpec ratio;
    TierSpec tier;
    InputSpec inputs;  // if it can edit or make variations
    struct Returns {
        bool url = false;                 // returns links by default, not bytes
        std::optional<int64_t> lifetime;  // of the links, in seconds
    } returns;
    std::optional<Price> price;
    ModelStatus status = ModelStatus::current;
    std::string released;                  // a date, or nothing
    std::string shutdown;                  // a date, or nothing
    std::optional<int64_t> shutdown_time;  // unix seconds

    [[nodiscard]] const std::optional<ParamSpec> &operator[](Param param) const {
        return params[static_cast<size_t>(param)];
    }
    [[nodiscard]] bool can(Operation operation) const {
        return operations.test(static_cast<size_t>(operation));
    }
    // Whether this is the row "*", for models that no other row matches.
    [[nodiscard]] bool is_last_resort() const { return pattern == "*"; }
    // Whether the row is for this name: its pattern is the name, or the name and a "*" at the end.
    [[nodiscard]] bool lists(std::string_view model, bool in_any_case) const;
    [[nodiscard]] bool is_shut_down(int64_t unix_seconds) const {
        return status == ModelStatus::shut_down ||
               (shutdown_time && *shutdown_time <= unix_seconds);
    }
    // "was shut down on 2026-05-12", for messages.
    [[nodiscard]] std::string how_shut_down() const {
        return shutdown.empty() ? "was shut down" : "was shut down on " + shutdown;
    }
};

}  // namespace gateway

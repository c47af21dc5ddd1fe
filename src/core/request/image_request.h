// A decoded request: the same for all profiles.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json/document.h"
#include "core/request/input_image.h"
#include "core/request/operation.h"

namespace gateway {

// All parameters that a request may set. param.cc has their names.
enum class Param : uint8_t {
    prompt,
    n,
    size,
    aspect_ratio,
    resolution,
    quality,
    style,
    background,
    output_format,
    output_compression,
    response_format,
    moderation,
    negative_prompt,
    seed,
    num_inference_steps,
    guidance,
    stream,
    partial_images,
    user,
    input_fidelity,
    strength,
};
inline constexpr size_t kParamCount = static_cast<size_t>(Param::strength) + 1;

std::string_view name_of(Param param);
// All of them, in order.
const std::array<Param, kParamCount> &all_params();
std::optional<Param> param_named(std::string_view name);

// Absent, or a value of the parameter's type.
using ParamValue = std::variant<std::monostate, bool, int64_t, double, std::string_view>;

class Params {
 public:
    ParamValue &operator[](Param param) { return values_[static_cast<size_t>(param)]; }
    const ParamValue &operator[](Param param) const { return values_[static_cast<size_t>(param)]; }

    [[nodiscard]] bool has(Param param) const { return (*this)[param].index() != 0; }
    void clear(Param param) { (*this)[param] = std::monostate(); }

    [[nodiscard]] std::string_view text(Param param) const {
        const auto *text = std::get_if<std::string_view>(&(*this)[param]);
        return text == nullptr ? std::string_view() : *text;
    }
    [[nodiscard]] int64_t integer(Param param, int64_t default_value) const {
        const auto *integer = std::get_if<int64_t>(&(*this)[param]);
        return integer == nullptr ? default_value : *integer;
    }

    // Sets a default of the profile. A default that does not fit a model is neither an error nor an
    // adjustment.
    void set_default(Param param, ParamValue value) {
        (*this)[param] = value;
        defaults_.set(static_cast<size_t>(param));
    }
    [[nodiscard]] bool is_default(Param param) const {
        return defaults_.test(static_cast<size_t>(param));
    }
    // Whether the request contains it.
    [[nodiscard]] bool is_requested(Param param) const { return has(param) && !is_default(param); }

 private:
    std::array<ParamValue, kParamCount> values_;
    std::bitset<kParamCount> defaults_;
};

// As JSON text, for adjustments.
std::string to_json(const ParamValue &value);

// A parameter that was not sent or not served as requested. `requested` and `sent` are JSON texts.
struct Adjustment {
    std::string param;
    std::string requested;
    std::string sent = "null";
    std::string reason;
};

// What happens outside of the mask: the model decides, or the gateway keeps the original there.
struct MaskMode {
    static constexpr int64_t kDefaultFeather = 8;

    bool exact = false;
    std::optional<int64_t> feather;  // as requested
};

struct ImageRequest {
    Operation operation = Operation::generate;
    Params params;
    MaskMode mask_mode;
    std::vector<ImageReference> images;            // input images
    std::vector<ImageReference> masks;             // none or one
    std::string model;                             // as written in the request; empty: none
    std::vector<std::string> fallbacks;            // "provider/model"
    std::vector<JsonValue> passed;                 // unknown fields that are forwarded
    std::vector<Adjustment> adjustments;           // for unknown fields that are dropped
    std::shared_ptr<const JsonDocument> document;  // texts in `params` refer to it or to the body
};

}  // namespace gateway

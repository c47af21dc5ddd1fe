#include <algorithm>

#include "core/json/text.h"
#include "core/json/writer.h"
#include "core/request/image_request.h"

namespace gateway {

namespace {

// In the order of Param. A unit test checks this.
constexpr std::array<std::string_view, kParamCount> kNames = {
    "prompt",
    "n",
    "size",
    "aspect_ratio",
    "resolution",
    "quality",
    "style",
    "background",
    "output_format",
    "output_compression",
    "response_format",
    "moderation",
    "negative_prompt",
    "seed",
    "num_inference_steps",
    "guidance",
    "stream",
    "partial_images",
    "user",
    "input_fidelity",
    "strength",
};

constexpr std::array<Param, kParamCount> kAll = [] {
    std::array<Param, kParamCount> all{};
    for (size_t i = 0; i < kParamCount; ++i) {
        all[i] = static_cast<Param>(i);
    }
    return all;
}();

}  // namespace

std::string_view name_of(Param param) {
    return kNames[static_cast<size_t>(param)];
}

const std::array<Param, kParamCount> &all_params() {
    return kAll;
}

std::optional<Param> param_named(std::string_view name) {
    const auto *found = std::find(kNames.begin(), kNames.end(), name);
    return found == kNames.end() ? std::nullopt
                                 : std::optional(static_cast<Param>(found - kNames.begin()));
}

std::string to_json(const ParamValue &value) {
    JsonWriter writer;
    struct Write {
        JsonWriter &out;
        void operator()(std::monostate) const { out.null(); }
        void operator()(bool truth) const { out.boolean(truth); }
        void operator()(int64_t integer) const { out.number(integer); }
        void operator()(double number) const { out.number(number); }
        void operator()(std::string_view text) const {
            constexpr size_t kLongest = 256;
            if (text.size() <= kLongest) {
                out.string(text);
            } else {
                out.string(std::string(front_of(text, kLongest)) + "…");
            }
        }
    };
    std::visit(Write{writer}, value);
    return std::move(writer).finish_text();
}

}  // namespace gateway

#include "core/request/fields.h"

#include <charconv>

#include "core/json/text.h"
#include "core/json/writer.h"

namespace gateway {

namespace {

using enum FieldType;

// In the order of Param, which a unit test asserts. A maximum for texts counts characters.
constexpr Field kFields[] = {
    {Param::prompt, "prompt", text, 1, 32000, {}, true},
    {Param::n, "n", integer, 1, 10},
    {Param::size, "size", size},
    {Param::aspect_ratio, "aspect_ratio", ratio},
    {Param::quality, "quality", choice, 0, 0, "auto low medium high xhigh max standard hd"},
    {Param::style, "style", choice, 0, 0, "vivid natural"},
    {Param::background, "background", choice, 0, 0, "transparent opaque auto"},
    {Param::output_format, "output_format", choice, 0, 0, "png webp jpeg"},
    {Param::output_compression, "output_compression", integer, 0, 100},
    {Param::response_format, "response_format", choice, 0, 0, "url b64_json"},
    {Param::moderation, "moderation", choice, 0, 0, "low auto"},
    {Param::negative_prompt, "negative_prompt", text, 0, 32000},
    {Param::seed, "seed", integer},
    {Param::num_inference_steps, "num_inference_steps", integer, 1},
    {Param::guidance, "guidance", number},
    {Param::stream, "stream", boolean},
    {Param::partial_images, "partial_images", integer, 0, 3},
    {Param::user, "user", text, 0, 1024},
};
static_assert(std::size(kFields) == kParamCount);

constexpr int64_t kLongestSide = 16384;

bool parse_pair(std::string_view text, char separator, Pixels &pair) {
    const size_t middle = text.find(separator);
    if (middle == std::string_view::npos) {
        return false;
    }
    const auto parse = [](std::string_view digits, int64_t &number) {
        const auto [stop, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), number);
        return error == std::errc() && stop == digits.data() + digits.size() && number > 0 &&
               digits.front() != '0' && number <= kLongestSide;
    };
    return parse(text.substr(0, middle), pair.width) && parse(text.substr(middle + 1), pair.height);
}

}  // namespace

std::span<const Field> fields() {
    return kFields;
}

const Field &field_of(Param param) {
    return kFields[static_cast<size_t>(param)];
}

std::string_view name_of(Param param) {
    return field_of(param).name;
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

bool parse_size(std::string_view text, Pixels &pixels) {
    return parse_pair(text, 'x', pixels);
}

bool is_ratio(std::string_view text) {
    Pixels ratio;
    return parse_pair(text, ':', ratio);
}

}  // namespace gateway

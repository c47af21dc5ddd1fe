// Facts of a request as they are written down in JSON, of its result or while its provider works on
// it: attempts, adjustments, input images.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/document.h"
#include "core/json/writer.h"
#include "core/request/image_request.h"
#include "core/routing/history.h"

namespace gateway {

// Members of the object that is being written.
void write_optional(JsonWriter &out, std::string_view key, const std::optional<int64_t> &number);
void write_history(JsonWriter &out, const History &history);
void write_kept_adjustments(JsonWriter &out, std::string_view key,
                            const std::vector<Adjustment> &adjustments);
void write_kept_inputs(JsonWriter &out, const InputImages &inputs);

int64_t integer_of(JsonValue value, int64_t otherwise = 0);
std::string text_of(JsonValue value);
template <typename Enum>
Enum enum_of(JsonValue value, Enum last) {
    const int64_t number = integer_of(value);
    return number < 0 || number > static_cast<int64_t>(last) ? Enum{} : static_cast<Enum>(number);
}
// The images that were lost are not among its attempts.
History read_history(JsonValue root, int64_t images_lost = 0);
std::vector<Adjustment> read_kept_adjustments(JsonValue list);
// Without their bytes.
InputImages read_kept_inputs(JsonValue root);

}  // namespace gateway

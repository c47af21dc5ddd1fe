// The text fields of a form as one JSON object. Brackets in a name say where in it the value goes,
// as the OpenAI SDKs write them: x[a] is a member of an object, l[] and l[0] are items of a list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api_error.h"
#include "core/json/writer.h"

namespace gateway {

// A field name, taken apart: x[a][0] has the steps "x", "a" and "0".
struct FieldPath {
    static constexpr size_t kMaxSteps = 4;
    enum class Kind : uint8_t { member, next_item, item };
    struct Step {
        Kind kind = Kind::member;
        std::string_view text;
    };

    Step steps[kMaxSteps];
    size_t count = 0;

    [[nodiscard]] const Step &last() const { return steps[count - 1]; }
};

// Nothing if the brackets are not balanced or nested too deep.
std::optional<FieldPath> read_field_path(std::string_view name);

class FormFields {
 public:
    // `value` must be UTF-8.
    std::optional<Problem> add(std::string_view name, std::string value);

    // All leaves are strings: a form does not say which of its values are numbers. Fields are in
    // the order of arrival.
    [[nodiscard]] std::string json() const;
    [[nodiscard]] bool empty() const { return nodes_.size() == 1; }

 private:
    enum class Shape : uint8_t { text, object, list };
    struct Node {
        Shape shape = Shape::object;
        std::string key;    // of a member of an object
        std::string value;  // of a text
        std::vector<uint32_t> children;
    };

    [[nodiscard]] std::optional<uint32_t> child_at(uint32_t parent,
                                                   const FieldPath::Step &step) const;
    void write(JsonWriter &out, uint32_t index) const;

    std::vector<Node> nodes_ = std::vector<Node>(1);
};

}  // namespace gateway

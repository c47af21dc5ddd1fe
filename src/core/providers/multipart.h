// A body of multipart/form-data: fields of text, and files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/ports.h"
#include "core/request/image_request.h"

namespace gateway {

class MultipartForm {
 public:
    // Not without a text: providers take an empty part for a value.
    void add(std::string_view name, std::string text);
    void add_file(std::string_view name, std::string file_name, std::string type, Content content);
    // Adds the members of a JSON object as fields.
    void add_members(JsonValue object);

    // Makes the form the body of the call, and adds its Content-Type.
    void move_into(HttpCall &call, Random &random) &&;

 private:
    [[nodiscard]] std::string choose_boundary(Random &random) const;

    struct Part {
        std::string name;
        std::string text;
        // Of a file:
        std::string file_name;
        std::string type;
        Content content;
    };
    std::vector<Part> parts_;
};

// Values as text for a form: texts as they are, everything else as JSON. Empty if there is no
// value.
std::string form_text(const ParamValue &value);
std::string form_text(JsonValue value);

}  // namespace gateway

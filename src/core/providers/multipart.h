// A body of multipart/form-data: fields of text, for providers that take no JSON.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/ports.h"
#include "core/request/image_request.h"

namespace gateway {

class MultipartForm {
 public:
    // None without a text: an empty part is a value to those who read it, and mostly a wrong one.
    void add(std::string_view name, std::string text);

    // Becomes the call's body, and says so in its headers.
    void move_into(HttpCall &call, Random &random) &&;

 private:
    [[nodiscard]] std::string choose_boundary(Random &random) const;

    std::vector<std::pair<std::string, std::string>> parts_;  // name, text
};

// Values as such a form has them: texts as they are, all else as in JSON. Empty for what is not
// there.
std::string form_text(const ParamValue &value);
std::string form_text(JsonValue value);

}  // namespace gateway

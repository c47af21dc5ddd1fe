#include "core/providers/multipart.h"

#include <algorithm>
#include <charconv>

#include "core/json/writer.h"
#include "core/providers/request_body.h"
#include "core/random.h"

namespace gateway {

namespace {

// Escapes like browsers do, so that a name cannot end its quotes or its line.
std::string quoted(std::string_view name) {
    std::string text = "\"";
    for (const char c : name) {
        switch (c) {
            case '"': text += "%22"; break;
            case '\r': text += "%0D"; break;
            case '\n': text += "%0A"; break;
            default: text += c; break;
        }
    }
    return text + '"';
}

std::string boundary_of(uint64_t number) {
    char digits[16];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), number, 16).ptr;
    std::string boundary = "image-gateway-";
    boundary.append(static_cast<size_t>(std::end(digits) - end), '0');
    return boundary.append(digits, end);
}

}  // namespace

void MultipartForm::add(std::string_view name, std::string text) {
    if (!text.empty()) {
        parts_.emplace_back(name, std::move(text));
    }
}

void MultipartForm::move_into(HttpCall &call, Random &random) && {
    const std::string boundary = choose_boundary(random);
    std::string body;
    for (const auto &[name, text] : parts_) {
        body.append("--").append(boundary).append("\r\n");
        body.append("Content-Disposition: form-data; name=").append(quoted(name));
        body.append("\r\n\r\n").append(text).append("\r\n");
    }
    body.append("--").append(boundary).append("--\r\n");
    call.body = Bytes::copy_of(body);
    call.add_header("Content-Type", "multipart/form-data; boundary=" + boundary);
}

// A boundary that no part contains. A random one alone could be guessed by whoever writes a part.
std::string MultipartForm::choose_boundary(Random &random) const {
    for (uint64_t number = random_number(random);; ++number) {
        std::string boundary = boundary_of(number);
        const bool taken = std::any_of(parts_.begin(), parts_.end(), [&](const auto &part) {
            return part.first.find(boundary) != std::string::npos ||
                   part.second.find(boundary) != std::string::npos;
        });
        if (!taken) {
            return boundary;
        }
    }
}

std::string form_text(const ParamValue &value) {
    if (value.index() == 0) {
        return "";
    }
    if (const auto *text = std::get_if<std::string_view>(&value)) {
        return std::string(*text);
    }
    JsonWriter text;
    write_value(text, value);
    return std::move(text).finish_text();
}

std::string form_text(JsonValue value) {
    if (value.is(JsonKind::string)) {
        return std::string(value.string());
    }
    JsonWriter text;
    text.exact(value);
    return std::move(text).finish_text();
}

}  // namespace gateway

#include "core/providers/multipart.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/writer.h"
#include "core/providers/request_body.h"
#include "core/random.h"

namespace gateway {

namespace {

// Escapes like browsers do, so that a name cannot end its quotes or its line.
std::string in_quotes(std::string_view name) {
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

void append_hex(std::string &text, uint64_t number) {
    char digits[16];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), number, 16).ptr;
    text.append(static_cast<size_t>(std::end(digits) - end), '0').append(digits, end);
}

}  // namespace

void MultipartForm::add(std::string_view name, std::string text) {
    if (!text.empty()) {
        parts_.push_back({std::string(name), std::move(text), {}, {}, {}});
    }
}

void MultipartForm::add_file(std::string_view name, std::string file_name, std::string type,
                             Content content) {
    parts_.push_back(
        {std::string(name), {}, std::move(file_name), std::move(type), std::move(content)});
}

void MultipartForm::add_members(JsonValue object) {
    for (const JsonValue member : object) {
        add(member.key(), form_text(member));
    }
}

void MultipartForm::move_into(HttpCall &call, Random &random) && {
    const std::string boundary = choose_boundary(random);
    CallBody body;
    std::string text;
    for (Part &part : parts_) {
        text.append("--").append(boundary).append("\r\n");
        text.append("Content-Disposition: form-data; name=").append(in_quotes(part.name));
        if (part.type.empty()) {
            text.append("\r\n\r\n").append(part.text).append("\r\n");
            continue;
        }
        text.append("; filename=").append(in_quotes(part.file_name));
        text.append("\r\nContent-Type: ").append(part.type).append("\r\n\r\n");
        body.append(Bytes::copy_of(std::exchange(text, {})));
        body.append(std::move(part.content), false);
        text.append("\r\n");
    }
    text.append("--").append(boundary).append("--\r\n");
    body.append(Bytes::copy_of(text));
    call.body = std::move(body);
    call.add_header("Content-Type", "multipart/form-data; boundary=" + boundary);
}

// A boundary that no text contains. It is drawn after the caller has sent all parts, so that nobody
// can put it into a file, and has 128 bits, so that no file has it by chance.
std::string MultipartForm::choose_boundary(Random &random) const {
    const uint64_t first = random_number(random);
    for (uint64_t number = random_number(random);; ++number) {
        std::string boundary = "image-gateway-";
        append_hex(boundary, first);
        append_hex(boundary, number);
        const bool taken = std::any_of(parts_.begin(), parts_.end(), [&](const Part &part) {
            return part.name.find(boundary) != std::string::npos ||
                   part.text.find(boundary) != std::string::npos;
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

#include "core/json/writer.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "core/json/text.h"

namespace gateway {

namespace {

bool needs_escape(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

void append_control(std::string &out, char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    switch (c) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    out += "\\u00";
    out += kHex[static_cast<size_t>(c) >> 4];
    out += kHex[static_cast<size_t>(c) & 15];
}

}  // namespace

void JsonWriter::separate() {
    if (need_comma_) {
        text_ += ',';
    }
    need_comma_ = true;
}

JsonWriter &JsonWriter::open_object() {
    separate();
    text_ += '{';
    need_comma_ = false;
    return *this;
}

JsonWriter &JsonWriter::close_object() {
    text_ += '}';
    need_comma_ = true;
    return *this;
}

JsonWriter &JsonWriter::open_array() {
    separate();
    text_ += '[';
    need_comma_ = false;
    return *this;
}

JsonWriter &JsonWriter::close_array() {
    text_ += ']';
    need_comma_ = true;
    return *this;
}

JsonWriter &JsonWriter::key(std::string_view name) {
    string(name);
    text_ += ':';
    need_comma_ = false;
    return *this;
}

JsonWriter &JsonWriter::string(std::string_view text) {
    separate();
    text_ += '"';
    append_escaped(text);
    text_ += '"';
    return *this;
}

void JsonWriter::append_escaped(std::string_view text) {
    size_t start = 0;
    size_t at = 0;
    while (true) {
        at += plain_front(text.substr(at));
        if (at == text.size()) {
            break;
        }
        const bool escape = needs_escape(text[at]);
        const size_t length = escape ? 0 : utf8_character(text.substr(at));
        if (length != 0) {
            at += length;
            continue;
        }
        text_.append(text.substr(start, at - start));
        if (escape) {
            append_control(text_, text[at]);
        } else {
            text_ += "\xEF\xBF\xBD";
        }
        start = ++at;
    }
    text_.append(text.substr(start));
}

JsonWriter &JsonWriter::number(int64_t number) {
    separate();
    char digits[24];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    text_.append(digits, end);
    return *this;
}

JsonWriter &JsonWriter::number(double number) {
    if (!std::isfinite(number)) {
        return null();
    }
    separate();
    char digits[32];
    const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
    text_.append(digits, end);
    return *this;
}

JsonWriter &JsonWriter::boolean(bool truth) {
    separate();
    text_ += truth ? "true" : "false";
    return *this;
}

JsonWriter &JsonWriter::null() {
    separate();
    text_ += "null";
    return *this;
}

JsonWriter &JsonWriter::copy(JsonValue value, int depth) {
    constexpr size_t kLongest = 256;
    switch (value.kind()) {
        case JsonKind::boolean: return boolean(*value.boolean());
        case JsonKind::number:
            if (value.number_text().size() > 64) {
                return string("…");
            }
            separate();
            text_.append(value.number_text());
            return *this;
        case JsonKind::string: {
            const std::string_view text = value.string();
            if (text.size() <= kLongest) {
                return string(text);
            }
            return string(std::string(front_of(text, kLongest)) + "…");
        }
        case JsonKind::lifted: return string("…");
        case JsonKind::object:
        case JsonKind::array: break;
        default: return null();
    }
    if (depth == 0) {
        return string("…");
    }
    const bool object = value.is(JsonKind::object);
    object ? open_object() : open_array();
    for (const JsonValue child : value) {
        if (object) {
            key(front_of(child.key(), kLongest));
        }
        copy(child, depth - 1);
    }
    return object ? close_object() : close_array();
}

JsonWriter &JsonWriter::exact(JsonValue value) {
    switch (value.kind()) {
        case JsonKind::boolean: return boolean(*value.boolean());
        case JsonKind::number: return json(value.number_text());
        case JsonKind::string: return string(value.string());
        case JsonKind::object:
        case JsonKind::array: break;
        default: return null();
    }
    const bool object = value.is(JsonKind::object);
    object ? open_object() : open_array();
    for (const JsonValue child : value) {
        if (object) {
            key(child.key());
        }
        exact(child);
    }
    return object ? close_object() : close_array();
}

JsonWriter &JsonWriter::json(std::string_view text) {
    separate();
    text_.append(text);
    return *this;
}

JsonWriter &JsonWriter::json_by_reference(const Bytes &text) {
    separate();
    done_.append(std::exchange(text_, {}));
    text_.reserve(kRoom);
    done_.append(text);
    return *this;
}

JsonWriter &JsonWriter::string_by_reference(std::string_view prefix, const Bytes &content) {
    separate();
    text_ += '"';
    append_escaped(prefix);
    done_.append(std::exchange(text_, {}));
    text_.reserve(kRoom);
    done_.append(content);
    text_ += '"';
    return *this;
}

JsonWriter &JsonWriter::open_string() {
    separate();
    text_ += '"';
    return *this;
}

JsonWriter &JsonWriter::close_string() {
    text_ += '"';
    return *this;
}

Bytes JsonWriter::take() {
    done_.append(std::exchange(text_, {}));
    return std::exchange(done_, Bytes());
}

Bytes JsonWriter::finish() && {
    done_.append(std::move(text_));
    return std::move(done_);
}

std::string JsonWriter::finish_text() && {
    return std::move(text_);
}

}  // namespace gateway

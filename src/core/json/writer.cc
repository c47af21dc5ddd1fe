#include "core/json/writer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "core/json/text.h"

namespace gateway {

namespace {

bool needs_escape(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
}

// The escape of a character that needs one: at most six characters.
std::string_view escape_of(char c, std::array<char, 6> &room) {
    constexpr std::string_view kHex = "0123456789abcdef";
    switch (c) {
        case '"': return "\\\"";
        case '\\': return "\\\\";
        case '\n': return "\\n";
        case '\r': return "\\r";
        case '\t': return "\\t";
        default: break;
    }
    room = {
        '\\', 'u', '0', '0', kHex[static_cast<size_t>(c) >> 4], kHex[static_cast<size_t>(c) & 15]};
    return {room.data(), room.size()};
}

}  // namespace

void JsonWriter::grow(size_t count) {
    const size_t kept = size_ - done_to_;
    const size_t capacity = std::max({kRoom, 2 * kept, kept + count});
    auto larger = std::make_shared_for_overwrite<char[]>(capacity);
    if (kept != 0) {
        std::memcpy(larger.get(), text_.get() + done_to_, kept);
    }
    text_ = std::move(larger);
    capacity_ = capacity;
    size_ = kept;
    done_to_ = 0;
}

void JsonWriter::append(std::string_view text) {
    if (!text.empty()) {
        std::memcpy(room(text.size()), text.data(), text.size());
        size_ += text.size();
    }
}

JsonWriter &JsonWriter::key(std::string_view name) {
    string(name);
    put(':');
    need_comma_ = false;
    return *this;
}

JsonWriter &JsonWriter::string(std::string_view text) {
    if (plain_front(text) != text.size()) {
        separate();
        put('"');
        append_escaped(text);
        put('"');
        return *this;
    }
    char *at = room(text.size() + 3);
    *at = ',';
    at += need_comma_ ? 1 : 0;
    *at++ = '"';
    at = std::copy_n(text.data(), text.size(), at);
    *at++ = '"';
    written_to(at);
    need_comma_ = true;
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
        append(text.substr(start, at - start));
        std::array<char, 6> room;
        append(escape ? escape_of(text[at], room) : "\xEF\xBF\xBD");
        start = ++at;
    }
    append(text.substr(start));
}

JsonWriter &JsonWriter::number(int64_t number) {
    constexpr size_t kMaxDigits = 24;
    separate();
    char *at = room(kMaxDigits);
    written_to(std::to_chars(at, at + kMaxDigits, number).ptr);
    return *this;
}

JsonWriter &JsonWriter::number(double number) {
    if (!std::isfinite(number)) {
        return null();
    }
    constexpr size_t kMaxDigits = 32;
    separate();
    char *at = room(kMaxDigits);
    written_to(std::to_chars(at, at + kMaxDigits, number).ptr);
    return *this;
}

JsonWriter &JsonWriter::boolean(bool truth) {
    return json(truth ? "true" : "false");
}

JsonWriter &JsonWriter::null() {
    return json("null");
}

JsonWriter &JsonWriter::copy(JsonValue value, int depth) {
    constexpr size_t kLongest = 256;
    switch (value.kind()) {
        case JsonKind::boolean: return boolean(*value.boolean());
        case JsonKind::number:
            if (value.number_text().size() > 64) {
                return string("…");
            }
            return json(value.number_text());
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
    append(text);
    return *this;
}

JsonWriter &JsonWriter::json_by_reference(const Bytes &text) {
    separate();
    move_to_done();
    done_.append(text);
    return *this;
}

JsonWriter &JsonWriter::string_by_reference(std::string_view prefix, const Bytes &content) {
    separate();
    put('"');
    append_escaped(prefix);
    constexpr size_t kBeforeAndAfter = 2;
    done_.reserve(content.slices().size() + kBeforeAndAfter);
    move_to_done();
    done_.append(content);
    put('"');
    return *this;
}

JsonWriter &JsonWriter::open_string() {
    separate();
    put('"');
    return *this;
}

JsonWriter &JsonWriter::close_string() {
    put('"');
    return *this;
}

void JsonWriter::move_to_done() {
    done_.append(Slice{text_, {text_.get() + done_to_, size_ - done_to_}});
    done_to_ = size_;
}

Bytes JsonWriter::take() {
    move_to_done();
    return std::exchange(done_, Bytes());
}

Bytes JsonWriter::finish() && {
    move_to_done();
    return std::move(done_);
}

std::string JsonWriter::finish_text() && {
    return {text_.get() + done_to_, size_ - done_to_};
}

}  // namespace gateway

// Writes JSON. The writer adds commas and escapes; its user must balance open and close calls.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "core/bytes/bytes.h"
#include "core/json/document.h"

namespace gateway {

class JsonWriter {
 public:
    JsonWriter &open_object() { return open('{'); }
    JsonWriter &close_object() { return close('}'); }
    JsonWriter &open_array() { return open('['); }
    JsonWriter &close_array() { return close(']'); }
    JsonWriter &key(std::string_view name);
    // For a literal, which must need no escapes.
    template <size_t kSize>
    JsonWriter &key(const char (&name)[kSize]) {
        char *at = room(kSize + 3);
        *at = ',';
        at += need_comma_ ? 1 : 0;
        *at++ = '"';
        std::memcpy(at, name, kSize - 1);
        at += kSize - 1;
        *at++ = '"';
        *at++ = ':';
        written_to(at);
        need_comma_ = false;
        return *this;
    }

    // Replaces bytes that are not UTF-8 by U+FFFD, because texts of providers may contain anything.
    JsonWriter &string(std::string_view text);
    JsonWriter &number(int64_t number);
    JsonWriter &number(double number);
    JsonWriter &boolean(bool truth);
    JsonWriter &null();
    // Writes a value that was read. Shortens long strings, so that the output fits an error
    // message.
    JsonWriter &copy(JsonValue value, int depth = 8);

    // Writes a value that was read, unchanged.
    JsonWriter &exact(JsonValue value);
    // Writes a text that is already JSON.
    JsonWriter &json(std::string_view text);

    // The same, by reference.
    JsonWriter &json_by_reference(const Bytes &text);

    // Writes a string whose content is passed by reference. The content must need no escapes.
    JsonWriter &string_by_reference(std::string_view prefix, const Bytes &content);

    // For a string whose content is written elsewhere: between the output of one take() and the
    // next.
    JsonWriter &open_string();
    JsonWriter &close_string();
    // Returns what was written since the last call. Writing continues after it.
    Bytes take();

    Bytes finish() &&;
    // For documents without references.
    std::string finish_text() &&;

 private:
    // Most documents fit without growing. With its owner count, malloc keeps it for the next one.
    static constexpr size_t kRoom = 984;

    // Memory for the next `count` bytes.
    char *room(size_t count) {
        if (capacity_ - size_ < count) {
            grow(count);
        }
        return text_.get() + size_;
    }
    void written_to(const char *end) { size_ = static_cast<size_t>(end - text_.get()); }
    void put(char c) {
        *room(1) = c;
        ++size_;
    }
    void append(std::string_view text);
    void grow(size_t count);
    void separate() {
        if (need_comma_) {
            put(',');
        }
        need_comma_ = true;
    }
    JsonWriter &open(char bracket) {
        separate();
        put(bracket);
        need_comma_ = false;
        return *this;
    }
    JsonWriter &close(char bracket) {
        put(bracket);
        need_comma_ = true;
        return *this;
    }
    void append_escaped(std::string_view text);
    void move_to_done();

    // What was taken refers to it. Writing goes on behind that.
    std::shared_ptr<char[]> text_;
    size_t capacity_ = 0;
    size_t size_ = 0;
    size_t done_to_ = 0;  // up to here it is in done_, or was taken
    Bytes done_;
    bool need_comma_ = false;
};

}  // namespace gateway

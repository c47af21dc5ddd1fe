// Writes JSON. The writer adds commas and escapes; its user must balance open and close calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes/bytes.h"
#include "core/json/document.h"

namespace gateway {

class JsonWriter {
 public:
    JsonWriter() { text_.reserve(kRoom); }

    JsonWriter &open_object();
    JsonWriter &close_object();
    JsonWriter &open_array();
    JsonWriter &close_array();
    JsonWriter &key(std::string_view name);

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
    static constexpr size_t kRoom = 1024;  // most documents fit without growing
    void separate();
    void append_escaped(std::string_view text);

    std::string text_;
    Bytes done_;
    bool need_comma_ = false;
};

}  // namespace gateway

// Writes JSON, member by member; commas and escapes are its business, balance is the caller's.
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

    // Bytes that are no UTF-8 come out as U+FFFD: what a provider says may be anything.
    JsonWriter &string(std::string_view text);
    JsonWriter &number(int64_t number);
    JsonWriter &number(double number);
    JsonWriter &boolean(bool truth);
    JsonWriter &null();
    // As it was read, but never longer than an error message should be: long texts are shortened.
    JsonWriter &copy(JsonValue value, int depth = 8);

    // As it was read, to the last character.
    JsonWriter &exact(JsonValue value);
    // What is JSON already.
    JsonWriter &json(std::string_view text);

    // A string whose content is passed by reference; it must be fit to stand in JSON as it is.
    JsonWriter &string_by_reference(std::string_view prefix, const Bytes &content);

    // A string whose content is written elsewhere, between what take() gives here and the next.
    JsonWriter &open_string();
    JsonWriter &close_string();
    // What has been written since the last time. The rest goes on.
    Bytes take();

    Bytes finish() &&;
    // For documents without references.
    std::string finish_text() &&;

 private:
    static constexpr size_t kRoom = 1024;  // most texts fit without growing
    void separate();
    void append_escaped(std::string_view text);

    std::string text_;
    Bytes done_;
    bool need_comma_ = false;
};

}  // namespace gateway

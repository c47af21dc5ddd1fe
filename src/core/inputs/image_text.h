// Decodes an image that is written as text: base64, or a data URL. The text comes in pieces of any
// size, as it stands in JSON: "\/" stands for "/".
#pragma once

#include <string>
#include <string_view>

namespace gateway {

class ImageText {
 public:
    // Decodes a piece, and appends the bytes to `bytes`.
    void feed(std::string_view piece, std::string &bytes);
    // Ends the text. Returns what is wrong with it, for the caller; empty: nothing.
    std::string finish(std::string &bytes);

    [[nodiscard]] bool is_broken() const { return !problem_.empty(); }

 private:
    std::string_view take_prefix(std::string_view piece);
    void check_prefix();
    void collect(std::string_view piece);
    void decode(size_t count, std::string &bytes);
    void fail(const char *problem);

    enum class Place : unsigned char { start, prefix, base64 };
    Place place_ = Place::start;
    std::string prefix_;     // of a data URL, up to its comma
    std::string waiting_;    // characters of base64 that were not decoded yet
    size_t characters_ = 0;  // of base64, without padding
    size_t padding_ = 0;
    bool after_backslash_ = false;
    std::string problem_;
};

}  // namespace gateway

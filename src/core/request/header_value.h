// Reads the value of a header such as Content-Type or Content-Disposition: one word, and after it
// parameters of the form name=value or name="value".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// Upper and lower case of ASCII letters are equal.
bool equal_ignoring_case(std::string_view a, std::string_view b);

std::string_view without_blanks(std::string_view text);  // at its ends

struct HeaderParameter {
    std::string_view name;
    std::string_view value;  // without the quotes, but with its escapes
};

class HeaderValue {
 public:
    explicit HeaderValue(std::string_view value);

    // What is before the parameters.
    [[nodiscard]] std::string_view word() const { return word_; }
    // Nothing at the end, and nothing more after a parameter that cannot be read.
    std::optional<HeaderParameter> next();
    [[nodiscard]] bool is_malformed() const { return malformed_; }

 private:
    std::string_view word_;
    std::string_view rest_;
    bool malformed_ = false;
};

// The text of a name or file name. Two ways to write a quote are in use: \" in RFC 7578, and %22 in
// what browsers and most SDKs send. A backslash before anything but a quote or a backslash is an
// ordinary character, because old browsers send paths.
std::string unescaped_name(std::string_view value);

}  // namespace gateway

#include "core/request/read_value.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace gateway {

namespace {

template <typename Number>
std::optional<Number> number_in(std::string_view text) {
    Number number = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stop == end && !text.empty() ? std::optional(number)
                                                                : std::nullopt;
}

bool is_form_text(bool is_form, JsonValue value) {
    return is_form && value.is(JsonKind::string);
}

}  // namespace

std::optional<int64_t> ValueReader::integer(JsonValue value) const {
    return is_form_text(is_form, value) ? number_in<int64_t>(value.string()) : value.integer();
}

std::optional<double> ValueReader::number(JsonValue value) const {
    if (!is_form_text(is_form, value)) {
        return value.number();
    }
    const auto number = number_in<double>(value.string());
    return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<bool> ValueReader::boolean(JsonValue value) const {
    if (!is_form_text(is_form, value)) {
        return value.boolean();
    }
    const std::string_view text = value.string();
    if (text == "true" || text == "True" || text == "1") {
        return true;
    }
    return text == "false" || text == "False" || text == "0" ? std::optional(false) : std::nullopt;
}

bool is_url(std::string_view text) {
    return text.starts_with("https://") || text.starts_with("http://");
}

}  // namespace gateway

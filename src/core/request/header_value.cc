#include "core/request/header_value.h"

#include <algorithm>

namespace gateway {

namespace {

constexpr std::string_view kBlanks = " \t";

char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_escape(std::string_view text) {
    return text.starts_with("\\\"") || text.starts_with("\\\\");
}

// The length of the text before the quote that ends it; npos if there is none.
size_t quoted_length(std::string_view text) {
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '"') {
            return at;
        }
        at += is_escape(text.substr(at)) ? 1 : 0;
    }
    return std::string_view::npos;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char one, char other) { return lower_case(one) == lower_case(other); });
}

std::string_view without_blanks(std::string_view text) {
    const size_t first = text.find_first_not_of(kBlanks);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

HeaderValue::HeaderValue(std::string_view value) {
    const size_t end = std::min(value.find(';'), value.size());
    word_ = without_blanks(value.substr(0, end));
    rest_ = value.substr(end);
}

std::optional<HeaderParameter> HeaderValue::next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t;"), rest_.size()));
    if (malformed_ || rest_.empty()) {
        return std::nullopt;
    }
    malformed_ = true;  // until all of the parameter was read
    const size_t equals = rest_.find_first_of("=; \t\"");
    if (equals == std::string_view::npos || equals == 0 || rest_[equals] != '=') {
        return std::nullopt;
    }
    HeaderParameter parameter{rest_.substr(0, equals), {}};
    rest_.remove_prefix(equals + 1);
    if (!rest_.starts_with('"')) {
        const size_t end = std::min(rest_.find(';'), rest_.size());
        parameter.value = without_blanks(rest_.substr(0, end));
        rest_.remove_prefix(end);
    } else {
        rest_.remove_prefix(1);
        const size_t length = quoted_length(rest_);
        if (length == std::string_view::npos) {
            return std::nullopt;
        }
        parameter.value = rest_.substr(0, length);
        rest_.remove_prefix(length + 1);
        const size_t next = rest_.find_first_not_of(kBlanks);
        if (next != std::string_view::npos && rest_[next] != ';') {
            return std::nullopt;
        }
    }
    malformed_ = false;
    return parameter;
}

std::string unescaped_name(std::string_view value) {
    std::string text;
    for (size_t at = 0; at < value.size(); ++at) {
        const std::string_view rest = value.substr(at);
        if (is_escape(rest)) {
            text += value[++at];
        } else if (rest.starts_with("%22")) {
            text += '"';
            at += 2;
        } else {
            text += value[at];
        }
    }
    return text;
}

}  // namespace gateway

#include "core/http_call.h"

#include <algorithm>

namespace gateway {

namespace {

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool has_name(std::string_view line, std::string_view lower_case_name) {
    return line.size() > lower_case_name.size() && line[lower_case_name.size()] == ':' &&
           std::equal(lower_case_name.begin(), lower_case_name.end(), line.begin(),
                      [](char name, char c) { return name == to_lower(c); });
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

void HttpCall::add_header(std::string_view name, std::string_view value) {
    if (!value.empty()) {
        constexpr std::string_view kColon = ": ";
        std::string &line = headers.emplace_back();
        line.reserve(name.size() + kColon.size() + value.size());
        line.append(name).append(kColon).append(value);
    }
}

std::string_view HttpResponse::header(std::string_view lower_case_name) const {
    std::string_view rest = headers;
    while (!rest.empty()) {
        const size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        if (has_name(line, lower_case_name)) {
            return trim(line.substr(lower_case_name.size() + 1));
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return {};
}

}  // namespace gateway

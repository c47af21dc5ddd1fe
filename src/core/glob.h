// Patterns with '*', for key files and the catalogue.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace gateway {

inline char lower_case(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char &c : lower) {
        c = lower_case(c);
    }
    return lower;
}

inline bool equal_in_any_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower_case(x) == lower_case(y); });
}

// In the first `exact` characters of the text, case must match the pattern. After them, the case of
// ASCII letters is ignored.
inline bool glob_matches(std::string_view pattern, std::string_view text,
                         size_t exact = std::string_view::npos) {
    const auto same = [=](size_t p, size_t t) {
        return pattern[p] == text[t] ||
               (t >= exact && lower_case(pattern[p]) == lower_case(text[t]));
    };
    size_t star = std::string_view::npos;
    size_t retry = 0;
    size_t p = 0;
    size_t t = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && same(p, t)) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') {
        ++p;
    }
    return p == pattern.size();
}

}  // namespace gateway

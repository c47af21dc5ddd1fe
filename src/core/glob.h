// Patterns with '*', as key files and the catalogue use them.
#pragma once

#include <string_view>

namespace gateway {

inline bool glob_matches(std::string_view pattern, std::string_view text) {
    size_t star = std::string_view::npos;
    size_t retry = 0;
    size_t p = 0;
    size_t t = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
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

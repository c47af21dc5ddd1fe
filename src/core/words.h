// Short lists of words in one string, separated by spaces, for tables and messages.
#pragma once

#include <string_view>

namespace gateway {

inline bool is_one_of(std::string_view word, std::string_view choices) {
    while (!choices.empty()) {
        const size_t end = choices.find(' ');
        if (choices.substr(0, end) == word) {
            return true;
        }
        choices.remove_prefix(end == std::string_view::npos ? choices.size() : end + 1);
    }
    return false;
}

}  // namespace gateway

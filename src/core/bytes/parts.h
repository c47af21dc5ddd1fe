// Joins texts to one text to be hashed. Two different lists of parts never give the same text.
#pragma once

#include <string>
#include <string_view>

namespace gateway {

inline void add_part(std::string &text, std::string_view part) {
    text.append(std::to_string(part.size())).append(1, ':').append(part);
}

}  // namespace gateway

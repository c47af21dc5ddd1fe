#include "core/net/path_segment.h"

namespace gateway {

namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

}  // namespace

std::string path_segment(std::string_view name) {
    // Of dots alone, a segment is a way up, even where they are escaped.
    if (name.find_first_not_of('.') == std::string_view::npos) {
        return "-";
    }
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string segment;
    for (const char c : name) {
        if (is_plain(c)) {
            segment += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            segment += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
        }
    }
    return segment;
}

}  // namespace gateway

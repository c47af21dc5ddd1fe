// What the fuzz targets have in common that read a text or a body in pieces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gateway {

inline std::string with_escaped_slashes(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        escaped += c == '/' ? "\\/" : std::string(1, c);
    }
    return escaped;
}

// Feeds the body to the reader, in pieces of these four sizes again and again; whole without sizes.
// False if the reader has a problem.
template <typename Reader>
bool feed_in_pieces(Reader &reader, std::string_view body, const uint8_t *sizes) {
    bool good = true;
    for (size_t i = 0; good && !body.empty(); ++i) {
        const std::string_view piece =
            body.substr(0, sizes == nullptr ? body.size() : sizes[i % 4] % 64U + 1U);
        good = reader.feed(piece);
        body.remove_prefix(piece.size());
    }
    return reader.finish() && good;
}

}  // namespace gateway

// Numbers in the headers of image files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace gateway {

inline uint32_t byte_at(std::string_view bytes, size_t at) {
    return static_cast<uint8_t>(bytes[at]);
}

inline uint32_t big_endian(std::string_view bytes, size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) {
        value = value << 8 | byte_at(bytes, at + i);
    }
    return value;
}

inline uint32_t little_endian(std::string_view bytes, size_t at, size_t count) {
    uint32_t value = 0;
    for (size_t i = count; i-- > 0;) {
        value = value << 8 | byte_at(bytes, at + i);
    }
    return value;
}

}  // namespace gateway

#include "core/json/text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace gateway {

namespace {

uint8_t byte_at(std::string_view text, size_t index) {
    return static_cast<uint8_t>(text[index]);
}

bool continues(std::string_view text, size_t index) {
    return index < text.size() && (byte_at(text, index) & 0xC0) == 0x80;
}

// The number of bytes at the front that are ASCII and not a backslash. Checks eight at a time.
size_t ordinary_prefix(std::string_view text) {
    constexpr uint64_t kHigh = 0x8080808080808080U;
    constexpr uint64_t kOnes = 0x0101010101010101U;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
        uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof(word));
        const uint64_t slashes = word ^ (kOnes * '\\');
        if (((word | ((slashes - kOnes) & ~slashes)) & kHigh) != 0) {
            break;
        }
    }
    while (at < text.size() && byte_at(text, at) < 0x80 && text[at] != '\\') {
        ++at;
    }
    return at;
}

// The value of each hexadecimal digit; 16 for other characters.
constexpr std::array<uint8_t, 256> kHexDigits = [] {
    std::array<uint8_t, 256> digits{};
    digits.fill(16);
    for (uint8_t i = 0; i < 10; ++i) {
        digits['0' + i] = i;
    }
    for (uint8_t i = 0; i < 6; ++i) {
        digits['a' + i] = digits['A' + i] = static_cast<uint8_t>(10 + i);
    }
    return digits;
}();

std::optional<unsigned> escaped_unit(std::string_view text) {
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') {
        return std::nullopt;
    }
    unsigned unit = 0;
    unsigned all = 0;
    for (size_t at = 2; at < 6; ++at) {
        const unsigned digit = kHexDigits[byte_at(text, at)];
        all |= digit;
        unit = unit << 4 | digit;
    }
    return all < 16 ? std::optional(unit) : std::nullopt;
}

bool is_high_surrogate(unsigned unit) {
    return unit >= 0xD800 && unit <= 0xDBFF;
}
bool is_low_surrogate(unsigned unit) {
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

// The length of the escape at the front; 0 if it is half of a surrogate pair. yajl finds other
// mistakes.
size_t escape_length(std::string_view text) {
    const auto unit = escaped_unit(text);
    if (!unit) {
        return std::min<size_t>(2, text.size());
    }
    if (is_low_surrogate(*unit)) {
        return 0;
    }
    if (!is_high_surrogate(*unit)) {
        return 6;
    }
    const auto second = escaped_unit(text.substr(6));
    return second && is_low_surrogate(*second) ? 12 : 0;
}

bool is_ordinary(char c) {
    return static_cast<signed char>(c) >= 0x20 && c != '"' && c != '\\';
}

#if defined(__SSE2__)

// A bit for each of sixteen characters that is not ordinary: one that is not ASCII, a control
// character, a quote or a backslash.
unsigned extraordinary(__m128i characters) {
    const auto is = [&](char c) { return _mm_cmpeq_epi8(characters, _mm_set1_epi8(c)); };
    // As signed numbers, bytes that are not ASCII are below 0x20, too.
    const __m128i below = _mm_cmplt_epi8(characters, _mm_set1_epi8(0x20));
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(below, _mm_or_si128(is('"'), is('\\')))));
}

unsigned extraordinary_of_sixteen(const char *at) {
    return extraordinary(_mm_loadu_si128(reinterpret_cast<const __m128i *>(at)));
}

unsigned extraordinary_of_eight(const char *at) {
    return extraordinary(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(at))) & 0xffU;
}

// Of a short text: two groups of eight or four characters, which may overlap.
size_t ordinary_front_of_short(std::string_view text) {
    const size_t size = text.size();
    unsigned bits = 0;
    if (size >= 8) {
        bits = extraordinary_of_eight(text.data()) | extraordinary_of_eight(text.data() + size - 8)
                                                         << (size - 8);
    } else if (size >= 4) {
        int first = 0;
        int last = 0;
        std::memcpy(&first, text.data(), 4);
        std::memcpy(&last, text.data() + size - 4, 4);
        bits = (extraordinary(_mm_cvtsi32_si128(first)) & 0xfU) |
               (extraordinary(_mm_cvtsi32_si128(last)) & 0xfU) << (size - 4);
    } else {
        const auto *found = std::find_if_not(text.begin(), text.end(), is_ordinary);
        return static_cast<size_t>(found - text.begin());
    }
    return bits == 0 ? size : static_cast<size_t>(std::countr_zero(bits));
}

size_t ordinary_front(std::string_view text) {
    size_t at = 0;
    for (; at + 16 <= text.size(); at += 16) {
        if (const unsigned bits = extraordinary_of_sixteen(text.data() + at)) {
            return at + static_cast<size_t>(std::countr_zero(bits));
        }
    }
    return at + ordinary_front_of_short(text.substr(at));
}

#else

size_t ordinary_front(std::string_view text) {
    return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), is_ordinary) -
                               text.begin());
}

#endif

}  // namespace

size_t utf8_character(std::string_view text) {
    if (text.empty()) {
        return 0;
    }
    const uint8_t first = byte_at(text, 0);
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return continues(text, 1) ? 2 : 0;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        if (!continues(text, 1) || !continues(text, 2)) {
            return 0;
        }
        const bool overlong = first == 0xE0 && byte_at(text, 1) < 0xA0;
        const bool surrogate = first == 0xED && byte_at(text, 1) >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        if (!continues(text, 1) || !continues(text, 2) || !continues(text, 3)) {
            return 0;
        }
        const bool overlong = first == 0xF0 && byte_at(text, 1) < 0x90;
        const bool too_large = first == 0xF4 && byte_at(text, 1) >= 0x90;
        return overlong || too_large ? 0 : 4;
    }
    return 0;
}

std::optional<size_t> find_bad_text(std::string_view document, size_t max_escapes) {
    size_t escapes = 0;
    size_t at = 0;
    while (true) {
        at += ordinary_prefix(document.substr(at));
        if (at == document.size()) {
            return std::nullopt;
        }
        const std::string_view rest = document.substr(at);
        const bool escape = rest[0] == '\\';
        const size_t length = escape ? escape_length(rest) : utf8_character(rest);
        escapes += escape ? 1 : 0;
        if (length == 0 || escapes > max_escapes) {
            return at;
        }
        at += length;
    }
}

std::string_view front_of(std::string_view text, size_t max) {
    if (text.size() <= max) {
        return text;
    }
    size_t end = max;
    for (int back = 0; back < 3 && end > 0 && continues(text, end); ++back) {
        --end;
    }
    return text.substr(0, continues(text, end) ? max : end);
}

size_t count_characters(std::string_view text) {
    // Counts all bytes except those that continue a character (10xxxxxx), eight at a time.
    constexpr uint64_t kHigh = 0x8080808080808080U;
    size_t continuing = 0;
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= text.size(); at += sizeof(uint64_t)) {
        uint64_t word = 0;
        std::memcpy(&word, text.data() + at, sizeof(word));
        continuing += static_cast<size_t>(std::popcount(word & ~(word << 1) & kHigh));
    }
    for (; at < text.size(); ++at) {
        continuing += continues(text, at) ? 1 : 0;
    }
    return text.size() - continuing;
}

size_t plain_front(std::string_view text) {
    return ordinary_front(text);
}

bool is_visible_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace gateway

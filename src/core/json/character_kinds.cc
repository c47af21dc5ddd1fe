#include "core/json/character_kinds.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gateway {

namespace {

// The class of a byte, as bits. A letter of base64's alphabet has one of the first four bits; '='
// has kPadding, '\\' has kBackslash; every byte that is not unusual also has kPrintable. So the
// minimum over a text tells whether it has an unusual byte (0) or another character (kPrintable).
constexpr uint8_t kPadding = 0x10;
constexpr uint8_t kBackslash = 0x20;
constexpr uint8_t kPrintable = 0x40;

// Looks up the two halves of a byte in two tables. The class is the bits that both entries have.
constexpr std::array<uint8_t, 16> kByHighHalf = {
    0,
    0,
    kPrintable | 1,
    kPrintable | 2 | kPadding,
    kPrintable | 4,
    kPrintable | 8 | kBackslash,
    kPrintable | 4,
    kPrintable | 8,
};

constexpr std::array<uint8_t, 16> by_low_half() {
    std::array<uint8_t, 16> rows{};
    for (uint8_t low = 0; low < 16; ++low) {
        uint8_t bits = kPrintable;
        bits |= low == 0xb || low == 0xf ? 1 : 0;  // + and /
        bits |= low <= 9 ? 2 : 0;                  // digits
        bits |= low >= 1 ? 4 : 0;                  // A to O, a to o
        bits |= low <= 0xa ? 8 : 0;                // P to Z, p to z
        bits |= low == 0xd ? kPadding : 0;
        bits |= low == 0xc ? kBackslash : 0;
        rows[low] = bits;
    }
    return rows;
}
constexpr std::array<uint8_t, 16> kByLowHalf = by_low_half();

struct Bits {
    uint8_t min = 0xff;
    uint8_t any = 0;

    void add(char c) {
        const auto byte = static_cast<uint8_t>(c);
        const uint8_t bits = kByHighHalf[byte >> 4] & kByLowHalf[byte & 15];
        min = std::min(min, bits);
        any |= bits;
    }
    [[nodiscard]] CharacterKinds kinds() const {
        return {min == 0, (any & kBackslash) != 0, (any & kPadding) != 0, min <= kPrintable};
    }
};

#if defined(__x86_64__)

__attribute__((target("avx2"))) Bits bits_with_avx2(std::string_view text) {
    const __m256i high_table = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i *>(kByHighHalf.data())));
    const __m256i low_table = _mm256_broadcastsi128_si256(
        _mm_loadu_si128(reinterpret_cast<const __m128i *>(kByLowHalf.data())));
    const __m256i half = _mm256_set1_epi8(0x0f);
    __m256i min = _mm256_set1_epi8(-1);
    __m256i any = _mm256_setzero_si256();
    const char *at = text.data();
    const char *end = at + text.size() / sizeof(__m256i) * sizeof(__m256i);
    for (; at != end; at += sizeof(__m256i)) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(at));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
        // The lookup of a byte above 0x7f gives 0, which is its class.
        const __m256i bits = _mm256_and_si256(_mm256_shuffle_epi8(high_table, high),
                                              _mm256_shuffle_epi8(low_table, bytes));
        min = _mm256_min_epu8(min, bits);
        any = _mm256_or_si256(any, bits);
    }
    std::array<uint8_t, sizeof(__m256i)> mins;
    std::array<uint8_t, sizeof(__m256i)> anys;
    std::memcpy(mins.data(), &min, sizeof(min));
    std::memcpy(anys.data(), &any, sizeof(any));
    Bits bits;
    for (size_t lane = 0; lane < mins.size(); ++lane) {
        bits.min = std::min(bits.min, mins[lane]);
        bits.any |= anys[lane];
    }
    for (const char c : text.substr(static_cast<size_t>(end - text.data()))) {
        bits.add(c);
    }
    return bits;
}

#endif

// Processes sixteen bytes at a time with the compiler's vector types.
using Lanes = uint8_t __attribute__((vector_size(16)));
using Truths = int8_t __attribute__((vector_size(16)));

bool any(Truths lanes) {
    uint64_t halves[2];
    std::memcpy(halves, &lanes, sizeof(lanes));
    return (halves[0] | halves[1]) != 0;
}

}  // namespace

CharacterKinds kinds_without_avx2(std::string_view text) {
    Truths unusual{};
    Truths backslash{};
    Truths padding{};
    Truths other{};
    const char *at = text.data();
    const char *end = at + text.size() / sizeof(Lanes) * sizeof(Lanes);
    for (; at != end; at += sizeof(Lanes)) {
        Lanes bytes;
        std::memcpy(&bytes, at, sizeof(bytes));
        const Truths is_backslash = bytes == '\\';
        const Truths is_padding = bytes == '=';
        const Truths is_letter = ((bytes | 0x20) - 'a') < 26;
        const Truths is_digit_or_slash = (bytes - '/') < 11;
        other |= ~(is_letter | is_digit_or_slash | (bytes == '+') | is_backslash | is_padding);
        unusual |= ((bytes - 0x20) >= 0x60);
        backslash |= is_backslash;
        padding |= is_padding;
    }
    Bits rest;
    for (const char c : text.substr(static_cast<size_t>(end - text.data()))) {
        rest.add(c);
    }
    CharacterKinds kinds = rest.kinds();
    kinds.unusual |= any(unusual);
    kinds.backslash |= any(backslash);
    kinds.padding |= any(padding);
    kinds.other |= any(other);
    return kinds;
}

CharacterKinds kinds_of(std::string_view text) {
#if defined(__x86_64__)
    static const bool has_avx2 = __builtin_cpu_supports("avx2");
    if (has_avx2) {
        return bits_with_avx2(text).kinds();
    }
#endif
    return kinds_without_avx2(text);
}

}  // namespace gateway

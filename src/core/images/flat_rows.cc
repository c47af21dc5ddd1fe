#include "core/images/flat_rows.h"

#include <zlib.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace gateway {
namespace {

// A code of DEFLATE with its extra bits, in the order in which they are written (RFC 1951).
struct BitCode {
    uint32_t bits = 0;
    uint32_t count = 0;
};

constexpr BitCode kEndOfBlock = {0, 7};

// Huffman codes are written from their highest bit on, all else from the lowest.
constexpr uint32_t reversed(uint32_t code, uint32_t count) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < count; ++i) {
        bits |= (code >> i & 1U) << (count - 1 - i);
    }
    return bits;
}

// RFC 1951, 3.2.6: the fixed code of a literal or a length.
constexpr BitCode fixed_code(uint32_t symbol) {
    if (symbol < 144) {
        return {reversed(0x30 + symbol, 8), 8};
    }
    if (symbol < 256) {
        return {reversed(0x190 + symbol - 144, 9), 9};
    }
    return symbol < 280 ? BitCode{reversed(symbol - 256, 7), 7}
                        : BitCode{reversed(0xc0 + symbol - 280, 8), 8};
}

constexpr std::array<BitCode, 256> kLiterals = [] {
    std::array<BitCode, 256> codes;
    for (uint32_t byte = 0; byte < codes.size(); ++byte) {
        codes[byte] = fixed_code(byte);
    }
    return codes;
}();

constexpr uint32_t kMinLength = 3;
constexpr uint32_t kMaxLength = 258;

// RFC 1951, 3.2.5: four codes for each number of extra bits, after the first eight.
constexpr std::array<BitCode, kMaxLength + 1> kLengths = [] {
    std::array<BitCode, kMaxLength + 1> codes;
    for (uint32_t length = kMinLength; length < kMaxLength; ++length) {
        const uint32_t from = length - kMinLength;
        const uint32_t extra = from < 8 ? 0 : static_cast<uint32_t>(std::bit_width(from)) - 3;
        const BitCode code = fixed_code(257 + 4 * extra + (from >> extra));
        const uint32_t rest = from & ((1U << extra) - 1);
        codes[length] = {code.bits | rest << code.count, code.count + extra};
    }
    codes[kMaxLength] = fixed_code(285);
    return codes;
}();

// Two codes for each number of extra bits, after the first four.
BitCode distance_code(uint32_t distance) {
    const uint32_t from = distance - 1;
    const uint32_t extra = from < 4 ? 0 : static_cast<uint32_t>(std::bit_width(from)) - 2;
    const uint32_t rest = from & ((1U << extra) - 1);
    return {reversed(2 * extra + (from >> extra), 5) | rest << 5, 5 + extra};
}

class BitWriter {
 public:
    explicit BitWriter(std::string &out) : out_(out) {}

    void write(BitCode code) {
        bits_ |= uint64_t{code.bits} << count_;
        count_ += code.count;
        if (count_ >= 32) {
            append(4);
        }
    }
    void finish() { append((count_ + 7) / 8); }

 private:
    void append(uint32_t bytes) {
        std::array<char, sizeof(uint32_t)> last;  // not initialised
        for (uint32_t i = 0; i < bytes; ++i) {
            last[i] = static_cast<char>(bits_ >> 8 * i);
        }
        out_.append(last.data(), bytes);
        bits_ >>= 8 * bytes;
        count_ -= std::min(count_, 8 * bytes);
    }

    std::string &out_;
    uint64_t bits_ = 0;
    uint32_t count_ = 0;
};

// The number of bytes, up to `max`, in which both agree.
size_t common(const uint8_t *one, const uint8_t *other, size_t max) {
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= max; at += sizeof(uint64_t)) {
        uint64_t first = 0;
        uint64_t second = 0;
        std::memcpy(&first, one + at, sizeof(first));
        std::memcpy(&second, other + at, sizeof(second));
        if (first != second) {
            return at + static_cast<size_t>(std::countr_zero(first ^ second)) / 8;
        }
    }
    while (at < max && one[at] == other[at]) {
        ++at;
    }
    return at;
}

class RowCompressor {
 public:
    RowCompressor(size_t width, std::string &out)
        : width_(width),
          out_(out),
          same_(distance_code(1)),
          shifted_(distance_code(static_cast<uint32_t>(width))),
          above_(distance_code(static_cast<uint32_t>(width) + 1)) {}

    // `above` is the row before it, or null.
    void write(const uint8_t *row, const uint8_t *above) {
        out_.write(kLiterals[0]);  // no filter
        for (size_t at = 0; at < width_;) {
            at += write_front(row, above, at);
        }
    }
    void finish() {
        out_.write(kEndOfBlock);
        out_.finish();
    }

    BitWriter &out() { return out_; }

 private:
    // Writes the next pixels as one repetition or literal, and returns their number.
    size_t write_front(const uint8_t *row, const uint8_t *above, size_t at) {
        const size_t max = std::min<size_t>(width_ - at, kMaxLength);
        size_t length = 0;
        const BitCode *distance = nullptr;
        const auto try_it = [&](const uint8_t *earlier, size_t most, const BitCode &code) {
            const size_t found = length < most ? common(row + at, earlier, most) : 0;
            if (found > length) {
                length = found;
                distance = &code;
            }
        };
        if (above != nullptr) {
            try_it(above + at + 1, std::min(max, width_ - at - 1), shifted_);
            try_it(above + at, max, above_);
        }
        if (at > 0) {
            try_it(row + at - 1, max, same_);
        }
        if (length < kMinLength) {
            out_.write(kLiterals[row[at]]);
            return 1;
        }
        out_.write(kLengths[length]);
        out_.write(*distance);
        return length;
    }

    size_t width_;
    BitWriter out_;
    BitCode same_;
    BitCode shifted_;
    BitCode above_;
};

#if defined(__SSE2__)

// RFC 1950's checksum, sixteen bytes at a time: `low` is the sum of all bytes, `high` the sum of
// `low` after each of them.
uint32_t checksum_of(uint32_t before, const uint8_t *row, size_t size) {
    constexpr uint32_t kModulus = 65521;
    constexpr size_t kMost = 2048;  // bytes until 32 bits could be too few
    const __m128i zero = _mm_setzero_si128();
    const __m128i first = _mm_set_epi16(9, 10, 11, 12, 13, 14, 15, 16);
    const __m128i last = _mm_set_epi16(1, 2, 3, 4, 5, 6, 7, 8);
    const auto sum = [](__m128i lanes) {
        std::array<uint32_t, 4> parts;
        std::memcpy(parts.data(), &lanes, sizeof(lanes));
        return parts[0] + parts[1] + parts[2] + parts[3];
    };
    uint32_t low = before & 0xffffU;
    uint32_t high = before >> 16;
    while (size >= sizeof(__m128i)) {
        const size_t groups = std::min(size, kMost) / sizeof(__m128i);
        __m128i bytes_sum = zero;  // of the groups so far
        __m128i earlier = zero;    // the sum of that before each group
        __m128i weighted = zero;   // each byte by the number of bytes from it to its group's end
        for (size_t group = 0; group < groups; ++group, row += sizeof(__m128i)) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i *>(row));
            earlier = _mm_add_epi32(earlier, bytes_sum);
            bytes_sum = _mm_add_epi32(bytes_sum, _mm_sad_epu8(bytes, zero));
            weighted = _mm_add_epi32(
                weighted, _mm_add_epi32(_mm_madd_epi16(_mm_unpacklo_epi8(bytes, zero), first),
                                        _mm_madd_epi16(_mm_unpackhi_epi8(bytes, zero), last)));
        }
        const auto count = static_cast<uint32_t>(groups * sizeof(__m128i));
        high = (high + low * count + 16 * sum(earlier) + sum(weighted)) % kModulus;
        low = (low + sum(bytes_sum)) % kModulus;
        size -= count;
    }
    return static_cast<uint32_t>(adler32(high << 16 | low, row, static_cast<uInt>(size)));
}

#else

uint32_t checksum_of(uint32_t before, const uint8_t *row, size_t size) {
    return static_cast<uint32_t>(adler32(before, row, static_cast<uInt>(size)));
}

#endif

}  // namespace

std::string compress_rows(const Canvas &canvas) {
    // RFC 1950: deflate with a window of 32 KB, the fastest level.
    std::string data = "\x78\x01";
    const auto width = static_cast<size_t>(canvas.width());
    RowCompressor rows(width, data);
    rows.out().write({3, 3});  // the last block, of fixed codes
    constexpr uint8_t kNoFilter = 0;
    uint32_t checksum = 1;
    for (int y = 0; y < canvas.height(); ++y) {
        rows.write(canvas.row(y), y == 0 ? nullptr : canvas.row(y - 1));
        checksum = checksum_of(checksum, &kNoFilter, 1);
        checksum = checksum_of(checksum, canvas.row(y), width);
    }
    rows.finish();
    for (int shift = 24; shift >= 0; shift -= 8) {
        data += static_cast<char>(checksum >> shift);
    }
    return data;
}

}  // namespace gateway

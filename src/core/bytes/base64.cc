#include "core/bytes/base64.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace gateway {

namespace {

// The value of each letter of base64.
constexpr uint8_t kNoLetter = 0x80;
constexpr std::array<uint8_t, 256> kLetters = [] {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<uint8_t, 256> values{};
    values.fill(kNoLetter);
    for (uint8_t value = 0; value < kAlphabet.size(); ++value) {
        values[static_cast<uint8_t>(kAlphabet[value])] = value;
    }
    values['='] = 0;
    return values;
}();

// Decodes whole groups without padding. OpenSSL skips whitespace and other characters at both ends,
// but then its output is shorter.
bool decode_block(std::string_view text, uint8_t *into) {
    const int count = EVP_DecodeBlock(into, reinterpret_cast<const unsigned char *>(text.data()),
                                      static_cast<int>(text.size()));
    return count >= 0 && static_cast<size_t>(count) == text.size() / 4 * 3;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL appends a NUL
    // EVP_EncodeBlock takes an int. Pieces of a multiple of three bytes keep the size in range.
    constexpr size_t kPiece = size_t{3} << 28;
    size_t written = 0;
    for (size_t at = 0; at < bytes.size(); at += kPiece) {
        const size_t count = std::min(kPiece, bytes.size() - at);
        const int length = EVP_EncodeBlock(
            reinterpret_cast<unsigned char *>(text.data() + written),
            reinterpret_cast<const unsigned char *>(bytes.data() + at), static_cast<int>(count));
        written += static_cast<size_t>(length);
    }
    text.resize(written);
    return text;
}

std::string decode_base64_front(std::string_view text) {
    text = text.substr(0, std::min<size_t>(text.size(), 4096) / 4 * 4);
    const size_t end = std::min(text.find('='), text.size());
    const size_t padding = text.size() - end;
    std::string bytes(text.size() / 4 * 3, '\0');
    // Padding decodes as zeros.
    if (padding > 2 || text.find_first_not_of('=', end) != std::string_view::npos ||
        decode_groups(text, reinterpret_cast<uint8_t *>(bytes.data())) != bytes.size()) {
        return {};
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

size_t decode_groups(std::string_view text, uint8_t *into) {
    size_t count = 0;
    for (size_t at = 0; at + 4 <= text.size(); at += 4) {
        const auto letter = [&](size_t place) {
            return uint32_t{kLetters[static_cast<uint8_t>(text[at + place])]};
        };
        const uint32_t first = letter(0);
        const uint32_t second = letter(1);
        const uint32_t third = letter(2);
        const uint32_t fourth = letter(3);
        if (((first | second | third | fourth) & kNoLetter) != 0) {
            break;
        }
        const uint32_t group = first << 18 | second << 12 | third << 6 | fourth;
        into[count++] = static_cast<uint8_t>(group >> 16);
        into[count++] = static_cast<uint8_t>(group >> 8);
        into[count++] = static_cast<uint8_t>(group);
    }
    return count;
}

size_t decode_padded(std::string_view group, uint8_t *into) {
    const size_t end = group.find('=');
    if (group.size() != 4 || end < 2 || group.find_first_not_of('=', end) != group.npos) {
        return 0;
    }
    char filled[] = {'A', 'A', 'A', 'A'};
    group.substr(0, end).copy(filled, end);
    uint8_t bytes[3];
    const size_t count = end - 1;
    if (!decode_block({filled, 4}, bytes) ||
        std::any_of(bytes + count, bytes + 3, [](uint8_t byte) { return byte != 0; })) {
        return 0;
    }
    std::copy_n(bytes, count, into);
    return count;
}

}  // namespace gateway

#include "core/images/base64_stream.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "core/bytes/base64.h"
#include "core/json/character_kinds.h"

namespace gateway {

namespace {

// OpenSSL appends a NUL to its output, so the last group of a block stays unused.
constexpr size_t kTextOfBlock = kBlockSize - 4;

// Sixteen bytes, in a vector type of the compiler.
using Lanes = uint8_t __attribute__((vector_size(16)));

size_t count_characters(const Bytes &text) {
    size_t characters = text.size();
    for (const Slice &slice : text.slices()) {
        characters -= count_backslashes(slice.text);
    }
    return characters;
}

size_t padding(const Bytes &text) {
    size_t count = 0;
    for (auto slice = text.slices().rbegin(); slice != text.slices().rend(); ++slice) {
        for (auto c = slice->text.rbegin(); c != slice->text.rend(); ++c) {
            if (*c != '=' || count == 2) {
                return count;
            }
            ++count;
        }
    }
    return count;
}

}  // namespace

// Most texts have none. memchr finds that out fast, but is slow if there are many, as in text with
// escaped slashes.
size_t count_backslashes(std::string_view text) {
    text.remove_prefix(std::min(text.find('\\'), text.size()));
    size_t count = 0;
    while (text.size() >= sizeof(Lanes)) {
        const size_t rows =
            std::min<size_t>(text.size() / sizeof(Lanes), 255);  // no lane overflows
        Lanes sums{};
        for (size_t row = 0; row < rows; ++row) {
            Lanes lanes;
            std::memcpy(&lanes, text.data() + row * sizeof(Lanes), sizeof(Lanes));
            sums += (lanes == '\\') & 1;
        }
        for (size_t lane = 0; lane < sizeof(Lanes); ++lane) {
            count += sums[lane];
        }
        text.remove_prefix(rows * sizeof(Lanes));
    }
    return count + static_cast<size_t>(std::count(text.begin(), text.end(), '\\'));
}

size_t Base64Reader::read(std::span<uint8_t> into) {
    size_t done = hand_out(into);
    while (done < into.size() && state_ == State::more) {
        const std::span<uint8_t> room = into.subspan(done);
        if (room.size() >= 3) {
            done += decode(room.size() / 3, room.data());
        } else {
            waiting_ = decode(1, group_.data());
            handed_out_ = 0;
            done += hand_out(room);
        }
    }
    return done;
}

std::string Base64Reader::read(size_t max) {
    // One more byte than the text can have, so that the read reaches the end.
    std::string bytes(std::min(max, text_.size() / 4 * 3 + 1), '\0');
    bytes.resize(read({reinterpret_cast<uint8_t *>(bytes.data()), bytes.size()}));
    return bytes;
}

size_t Base64Reader::hand_out(std::span<uint8_t> into) {
    const size_t count = std::min(into.size(), waiting_ - handed_out_);
    std::copy_n(group_.data() + handed_out_, count, into.data());
    handed_out_ += count;
    return count;
}

size_t Base64Reader::decode(size_t max_groups, uint8_t *into) {
    const std::string_view text = gather(std::min(max_groups, kGroups) * 4);
    const size_t end = std::min(text.find('='), text.size());
    const std::string_view plain = text.substr(0, end / 4 * 4);
    const std::string_view last = text.substr(plain.size());
    size_t count = decode_groups(plain, into);
    bool sound = count == plain.size() / 4 * 3;
    if (sound && end < text.size()) {
        const size_t more = decode_padded(last.substr(0, 4), into + count);
        count += more;
        sound = more != 0 && last.size() == 4 && is_text_used_up();
    } else {
        sound = sound && last.empty();
    }
    if (!sound || after_backslash_) {
        state_ = State::broken;
    } else if (is_text_used_up()) {
        state_ = State::whole;
    }
    return count;
}

// Returns the next characters without escapes. Returns fewer if the text ends or has an escape
// other than "\/"; then after_backslash_ may stay set.
std::string_view Base64Reader::gather(size_t max) {
    size_t count = 0;
    while (count < max && !is_text_used_up()) {
        const std::string_view slice = text_.slices()[slice_].text;
        const std::string_view piece = slice.substr(offset_, max - count);
        if (!after_backslash_ && piece.find('\\') == piece.npos) {
            std::memcpy(gathered_.data() + count, piece.data(), piece.size());
            count += piece.size();
        } else if (!unescape(piece, &count)) {
            break;
        }
        offset_ += piece.size();
        if (offset_ == slice.size()) {
            ++slice_;
            offset_ = 0;
        }
    }
    return {gathered_.data(), count};
}

bool Base64Reader::unescape(std::string_view piece, size_t *count) {
    // Works on local copies: the compiler must assume that storing a char changes any member.
    bool after_backslash = after_backslash_;
    char *end = gathered_.data() + *count;
    bool sound = true;
    for (const char c : piece) {
        if (after_backslash && c != '/') {
            sound = false;
            break;
        }
        after_backslash = c == '\\';
        *end = c;
        end += after_backslash ? 0 : 1;
    }
    after_backslash_ = after_backslash;
    *count = static_cast<size_t>(end - gathered_.data());
    return sound;
}

Base64Writer::Base64Writer(Blocks blocks) : text_(std::move(blocks), kTextOfBlock) {}

void Base64Writer::feed(std::string_view bytes) {
    size_t kept = size_ % 3;
    size_ += bytes.size();
    if (kept != 0) {
        const size_t count = bytes.copy(kept_.data() + kept, 3 - kept);
        bytes.remove_prefix(count);
        kept += count;
        if (kept < 3) {
            return;
        }
        encode({kept_.data(), 3});
    }
    const size_t whole = bytes.size() / 3 * 3;
    encode(bytes.substr(0, whole));
    bytes.substr(whole).copy(kept_.data(), 3);
}

void Base64Writer::end() {
    if (!std::exchange(ended_, true)) {
        encode({kept_.data(), size_ % 3});
    }
}

Bytes Base64Writer::finish() && {
    end();
    const BlockText written = std::move(text_);
    return written.part(0, kept_to_.value_or(written.size()));
}

Bytes Base64Writer::pass() {
    kept_to_ = kept_to_.value_or(text_.size());
    Bytes fresh = text_.part(passed_to_, text_.size());
    passed_to_ = text_.size();
    text_.forget(*kept_to_, passed_to_);
    return fresh;
}

// `bytes` has a multiple of three bytes, except at the end of the text.
void Base64Writer::encode(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::span<char> into = text_.room();
        const size_t count = std::min(bytes.size(), into.size() / 4 * 3);
        const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char *>(into.data()),
                                           reinterpret_cast<const unsigned char *>(bytes.data()),
                                           static_cast<int>(count));
        text_.advance(static_cast<size_t>(length));
        bytes.remove_prefix(count);
    }
}

bool is_base64_text(const Bytes &text) {
    constexpr size_t kMaxPadding = 2;
    size_t at_end = 0;  // "=" so far
    for (const Slice &slice : text.slices()) {
        const CharacterKinds kinds = kinds_of(slice.text);
        if (kinds.unusual || kinds.other) {
            return false;
        }
        if (kinds.padding || at_end > 0) {
            const size_t first = at_end > 0 ? 0 : slice.text.find('=');
            at_end += slice.text.size() - first;
            if (at_end > kMaxPadding ||
                slice.text.find_first_not_of('=', first) != slice.text.npos) {
                return false;
            }
        }
    }
    return true;
}

std::optional<size_t> missing_padding(const Bytes &text, bool escaped) {
    const size_t characters = escaped ? count_characters(text) : text.size();
    const size_t missing = (4 - characters % 4) % 4;
    constexpr size_t kMaxPadding = 2;
    return missing + padding(text) <= kMaxPadding ? std::optional(missing) : std::nullopt;
}

size_t decoded_size(const Bytes &text) {
    const size_t characters = count_characters(text);
    const size_t size = characters / 4 * 3;
    return characters % 4 == 0 ? size - std::min(size, padding(text)) : size;
}

}  // namespace gateway

#include "core/images/base64_inspector.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/bytes/base64.h"

namespace gateway {

namespace {

constexpr size_t kFirstBatch = 12;
constexpr size_t kMaxBatch = 3072;

}  // namespace

void Base64Inspector::feed(std::string_view text) {
    const size_t escapes = count_backslashes(text);
    characters_ += text.size() - escapes;
    keep_tail(text, escapes != 0);
    if (!has_stopped_) {
        walk(text, escapes != 0);
    }
}

bool Base64Inspector::is_no_image() const {
    return walk_.is_done() && walk_.format() == ImageFormat::unknown;
}

void Base64Inspector::walk(std::string_view text, bool is_escaped) {
    while (!text.empty() && !has_stopped_) {
        if (skip_ == 0 && grouped_ == 0) {
            begin_skip();
        }
        skip_ != 0 ? skip(&text, is_escaped) : decode(&text, is_escaped);
    }
}

// Only whole groups can be passed over.
void Base64Inspector::begin_skip() {
    const uint64_t groups = walk_.skippable() / 3;
    if (groups == 0) {
        return;
    }
    walk_.skip(groups * 3);
    position_ += groups * 3;
    skip_ = groups * 4;
    batch_ = kFirstBatch;
    stop_at_limit();
}

void Base64Inspector::skip(std::string_view *text, bool is_escaped) {
    const auto count = static_cast<size_t>(std::min<uint64_t>(skip_, text->size()));
    skip_ -= count - (is_escaped ? count_backslashes(text->substr(0, count)) : 0);
    after_backslash_ = false;
    text->remove_prefix(count);
}

void Base64Inspector::decode(std::string_view *text, bool is_escaped) {
    std::array<char, kMaxBatch / 3 * 4> characters;  // not initialised
    std::array<uint8_t, kMaxBatch + 1> bytes;        // OpenSSL may append a NUL
    const size_t groups = (std::max(batch_, walk_.needed()) + 2) / 3;
    batch_ = std::min(2 * groups * 3, kMaxBatch);
    std::copy_n(group_.data(), grouped_, characters.data());
    const std::span<char> room = std::span(characters).first(groups * 4);
    const size_t count = grouped_ + gather(text, is_escaped, room.subspan(grouped_));
    const std::string_view whole(characters.data(), count / 4 * 4);
    grouped_ = count - whole.size();
    std::copy_n(characters.data() + whole.size(), grouped_, group_.data());

    const std::string_view plain = whole.substr(0, std::min(whole.find('='), whole.size()) / 4 * 4);
    size_t decoded = decode_groups(plain, bytes.data());
    if (decoded < plain.size() / 4 * 3) {
        has_stopped_ = true;
    } else if (plain.size() < whole.size()) {
        decoded += decode_padded(whole.substr(plain.size(), 4), bytes.data() + decoded);
        has_stopped_ = true;
    }
    if (walk_.format() == ImageFormat::jpeg) {
        decoded = static_cast<size_t>(std::min<uint64_t>(decoded, kMaxInspected - position_));
    }
    walk_.read({reinterpret_cast<const char *>(bytes.data()), decoded});
    position_ += decoded;
    has_stopped_ = has_stopped_ || walk_.is_done();
    stop_at_limit();
}

void Base64Inspector::stop_at_limit() {
    if (walk_.format() == ImageFormat::jpeg && position_ >= kMaxInspected) {
        has_stopped_ = true;
        has_given_up_ = true;
    }
}

// Copies the next characters without escapes.
size_t Base64Inspector::gather(std::string_view *text, bool is_escaped, std::span<char> into) {
    if (!is_escaped && !after_backslash_) {
        const size_t count = text->copy(into.data(), into.size());
        text->remove_prefix(count);
        return count;
    }
    size_t count = 0;
    while (!text->empty() && count < into.size()) {
        const char c = text->front();
        if (after_backslash_ && c != '/') {
            has_stopped_ = true;
            break;
        }
        after_backslash_ = c == '\\';
        if (!after_backslash_) {
            into[count++] = c;
        }
        text->remove_prefix(1);
    }
    return count;
}

void Base64Inspector::keep_tail(std::string_view text, bool is_escaped) {
    std::array<char, 2 * kTail> last;  // not initialised
    size_t count = std::min(text.size(), is_escaped ? last.size() : kTail);
    text.copy(last.data(), count, text.size() - count);
    if (is_escaped) {
        auto *end = std::remove(last.data(), last.data() + count, '\\');
        count = static_cast<size_t>(end - last.data());
    }
    const size_t kept = std::min(count, kTail);
    std::memmove(tail_.data(), tail_.data() + kept, kTail - kept);
    std::memcpy(tail_.data() + kTail - kept, last.data() + count - kept, kept);
}

size_t Base64Inspector::padding() const {
    const std::string_view tail(tail_.data(), kTail);
    return tail.ends_with("==") ? 2 : tail.ends_with('=') ? 1 : 0;
}

std::optional<size_t> Base64Inspector::missing_padding() const {
    const size_t missing = (4 - characters_ % 4) % 4;
    constexpr size_t kMaxPadding = 2;
    return missing + padding() <= kMaxPadding ? std::optional(missing) : std::nullopt;
}

std::string Base64Inspector::decode_tail(size_t padding) const {
    const auto count = static_cast<size_t>(std::min<uint64_t>(characters_, kTail));
    std::array<char, kTail + 4> tail;                           // not initialised
    const size_t before = (4 - (characters_ - count) % 4) % 4;  // the end of a group
    if (before >= count) {
        return {};
    }
    std::memcpy(tail.data(), tail_.data() + kTail - count + before, count - before);
    std::memset(tail.data() + count - before, '=', padding);
    return decode_base64_front({tail.data(), count - before + padding});
}

std::optional<ImageFacts> Base64Inspector::finish(size_t padding) {
    const uint64_t characters = characters_ + padding;
    uint64_t bytes = characters / 4 * 3;
    if (characters % 4 == 0) {
        bytes -= std::min<uint64_t>(bytes, this->padding() + padding);
    }
    return walk_.finish(bytes, decode_tail(padding),
                        has_given_up_ ? std::optional<uint64_t>(kMaxInspected) : std::nullopt);
}

}  // namespace gateway

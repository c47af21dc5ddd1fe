#include "core/json/quick_reader.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "core/json/builder.h"
#include "core/json/text.h"

namespace gateway {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The character of an escape of two characters; 0 for others.
char escaped_character(char letter) {
    switch (letter) {
        case '"': return '"';
        case '\\': return '\\';
        case '/': return '/';
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: return 0;
    }
}

class QuickReader {
 public:
    QuickReader(std::string_view text, JsonBuilder &builder) : text_(text), builder_(builder) {}

    bool read() {
        do {
            if (!read_value()) {
                return false;
            }
            while (depth_ > 0 && skip(is_object() ? '}' : ']')) {
                --depth_;
                builder_.close();
            }
        } while (depth_ > 0 && skip(',') && (!is_object() || read_key()));
        skip_blanks();
        return depth_ == 0 && at_ == text_.size();
    }

 private:
    [[nodiscard]] char front() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    [[nodiscard]] bool is_object() const { return (objects_ >> (depth_ - 1) & 1) != 0; }

    void skip_blanks() {
        for (char c = front(); c == ' ' || c == '\n' || c == '\r' || c == '\t'; c = front()) {
            ++at_;
        }
    }

    // Whether the next character that is not blank is this one.
    bool skip(char c) {
        skip_blanks();
        const bool is = front() == c;
        at_ += is ? 1 : 0;
        return is;
    }

    // Reads a value, and the beginnings of the first values in it.
    bool read_value() {
        skip_blanks();
        switch (front()) {
            case '{': return open(JsonKind::object);
            case '[': return open(JsonKind::array);
            case '"': {
                const auto text = read_string();
                return text && builder_.string(*text);
            }
            case 't': return read_word("true") && builder_.value(JsonKind::boolean, {}, true);
            case 'f': return read_word("false") && builder_.value(JsonKind::boolean);
            case 'n': return read_word("null") && builder_.value(JsonKind::null);
            default: return read_number();
        }
    }

    bool open(JsonKind kind) {
        ++at_;
        if (depth_ == JsonLimits::kMaxDepth || !builder_.open(kind)) {
            return false;
        }
        const bool is_object = kind == JsonKind::object;
        const uint64_t bit = uint64_t{1} << depth_++;
        objects_ = is_object ? objects_ | bit : objects_ & ~bit;
        skip_blanks();
        if (front() == (is_object ? '}' : ']')) {
            return true;
        }
        return (!is_object || read_key()) && read_value();
    }

    bool read_key() {
        skip_blanks();
        const auto key = front() == '"' ? read_string() : std::nullopt;
        return key && builder_.key(*key) && skip(':');
    }

    // At the opening quote. The text is valid until the next string is read.
    std::optional<std::string_view> read_string() {
        const size_t begin = ++at_;
        pass_plain();
        if (front() == '"') {
            return text_.substr(begin, at_++ - begin);
        }
        unescaped_ = text_.substr(begin, at_ - begin);
        while (front() == '\\') {
            const char c = at_ + 1 < text_.size() ? escaped_character(text_[at_ + 1]) : '\0';
            if (c == '\0') {
                return std::nullopt;
            }
            unescaped_ += c;
            at_ += 2;
            const size_t plain = at_;
            pass_plain();
            unescaped_ += text_.substr(plain, at_ - plain);
        }
        if (front() != '"') {
            return std::nullopt;
        }
        ++at_;
        return unescaped_;
    }

    // Passes over what a string holds as it is. Bytes that are not ASCII are not checked.
    void pass_plain() {
        while (true) {
            at_ += plain_front(text_.substr(at_));
            if (static_cast<signed char>(front()) >= 0) {
                return;
            }
            ++at_;
        }
    }

    bool read_word(std::string_view word) {
        const bool is = text_.substr(at_).starts_with(word);
        at_ += word.size();
        return is;
    }

    bool pass_digits() {
        const size_t begin = at_;
        while (is_digit(front())) {
            ++at_;
        }
        return at_ > begin;
    }

    bool read_number() {
        const size_t begin = at_;
        at_ += front() == '-' ? 1 : 0;
        if (front() == '0') {
            ++at_;  // no digit may follow
        } else if (!pass_digits()) {
            return false;
        }
        if (front() == '.') {
            ++at_;
            if (!pass_digits()) {
                return false;
            }
        }
        if (front() == 'e' || front() == 'E') {
            ++at_;
            at_ += front() == '+' || front() == '-' ? 1 : 0;
            if (!pass_digits()) {
                return false;
            }
        }
        return builder_.value(JsonKind::number, text_.substr(begin, at_ - begin));
    }

    std::string_view text_;
    JsonBuilder &builder_;
    size_t at_ = 0;
    size_t depth_ = 0;
    uint64_t objects_ = 0;  // a bit for each depth: whether an object is open there
    std::string unescaped_;
};

}  // namespace

bool read_quickly(std::string_view text, JsonBuilder &builder) {
    return QuickReader(text, builder).read();
}

}  // namespace gateway

#include "core/http/response_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "core/json/text.h"

namespace gateway {

namespace {

constexpr std::string_view kStartOfStatusLine = "HTTP/1.";
constexpr const char *kNoStatusLine =
    "the response does not begin with the status line of HTTP/1.1";
constexpr size_t kUsualHead = 768;
constexpr size_t kMaxKept = size_t{64} * 1024;
constexpr size_t kMaxOfAllHeads = size_t{1024} * 1024;
constexpr size_t kMaxLine = size_t{100} * 1024;
constexpr size_t kMaxChunkLine = 1024;
constexpr size_t kMaxSizeDigits = 15;  // hexadecimal, so that nothing overflows

// RFC 9110, 5.6.2: the characters of a field's name.
constexpr std::array<bool, 256> kIsToken = [] {
    std::array<bool, 256> is{};
    for (const char c :
         {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
        is[static_cast<uint8_t>(c)] = true;
    }
    for (uint8_t c = 0; c < 128; ++c) {
        is[c] = is[c] || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    }
    return is;
}();

// RFC 9110, 5.5: what a value, a reason and a chunk's extension may have.
bool is_field_text(std::string_view text) {
    if (plain_front(text) == text.size() && text.find('\x7f') == std::string_view::npos) {
        return true;
    }
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<uint8_t>(c);
        return (byte >= 0x20 && byte != 0x7f) || byte == '\t';
    });
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool is_same(std::string_view text, std::string_view lower_case) {
    return text.size() == lower_case.size() &&
           std::equal(text.begin(), text.end(), lower_case.begin(),
                      [](char c, char lower) { return to_lower(c) == lower; });
}

std::string_view without_blanks(std::string_view text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && is_blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace

void ResponseParser::fail(const char *problem) {
    state_ = State::invalid;
    keeps_connection_ = false;
    problem_ = problem;
}

ResponseParser::Step ResponseParser::take(std::string_view input, size_t max_body) {
    size_t used = 0;
    while (used < input.size() && (state_ == State::head || state_ == State::body)) {
        const std::string_view rest = input.substr(used);
        switch (part_) {
            case Part::until_closed:
            case Part::whole:
            case Part::chunk_data: {
                const size_t most = std::min(rest.size(), max_body);
                const auto count = static_cast<size_t>(
                    part_ == Part::until_closed ? most : std::min<uint64_t>(most, left_));
                left_ -= part_ == Part::until_closed ? 0 : count;
                if (part_ == Part::whole && left_ == 0) {
                    state_ = State::complete;
                } else if (part_ == Part::chunk_data && left_ == 0) {
                    part_ = Part::chunk_end;
                }
                return {used + count, rest.substr(0, count)};
            }
            case Part::status_line:
            case Part::field: {
                const State before = state_;
                if (const auto line = take_line(rest, used)) {
                    take_head_line(*line);
                    line_.clear();
                }
                if (state_ != before) {
                    return {used, {}};
                }
                break;
            }
            default:
                if (const auto line = take_line(rest, used)) {
                    take_chunk_line(*line);
                    line_.clear();
                }
                break;
        }
    }
    return {used, {}};
}

void ResponseParser::end() {
    if (state_ == State::body && part_ == Part::until_closed) {
        state_ = State::complete;
        return;
    }
    if (state_ == State::head || state_ == State::body) {
        fail(state_ == State::head ? "the connection was closed before a response"
                                   : "the connection was closed before the end of the response");
    }
}

// Returns the next line without its end, or nothing if its end has not come. A
// line ends by CR LF and has neither of them inside.
std::optional<std::string_view> ResponseParser::take_line(std::string_view input, size_t &used) {
    const size_t end = input.find('\n');
    const size_t count = end == std::string_view::npos ? input.size() : end + 1;
    used += count;
    const bool is_of_chunk = part_ == Part::chunk_size || part_ == Part::chunk_end;
    head_bytes_ += is_of_chunk ? 0 : count;
    if (line_.size() + count > (is_of_chunk ? kMaxChunkLine : kMaxLine) ||
        head_bytes_ > kMaxOfAllHeads) {
        is_head_too_large_ = !is_of_chunk;
        fail(is_of_chunk ? "the size of a chunk of the response is invalid"
                         : "the head of the response is too large");
        return std::nullopt;
    }
    if (end == std::string_view::npos) {
        line_ += input;
        // Whoever speaks something else, such as HTTP/0.9, may never end the line.
        if (part_ == Part::status_line &&
            !kStartOfStatusLine.starts_with(
                std::string_view(line_).substr(0, kStartOfStatusLine.size()))) {
            fail(kNoStatusLine);
        }
        return std::nullopt;
    }
    std::string_view line = input.substr(0, end);
    if (!line_.empty()) {
        line_ += line;
        line = line_;
    }
    if (line.empty() || line.back() != '\r') {
        fail("a line of the response does not end by CR LF");
        return std::nullopt;
    }
    line.remove_suffix(1);
    return line;
}

void ResponseParser::begin_head() {
    head_.clear();
    head_.reserve(kUsualHead);
    status_ = 0;
    is_chunked_ = false;
    says_close_ = false;
    says_keep_alive_ = false;
    length_.reset();
}

void ResponseParser::take_head_line(std::string_view line) {
    if (part_ == Part::status_line) {
        begin_head();
        if (!read_status_line(line)) {
            fail(kNoStatusLine);
            return;
        }
        part_ = Part::field;
    } else if (!line.empty() && !read_field(line)) {
        return;
    }
    if (head_.size() + line.size() + 2 <= kMaxKept) {
        head_.append(line).append("\r\n");
    }
    if (line.empty()) {
        end_head();
    }
}

// "HTTP/1.1 200 OK". The reason may be missing, also the space before it.
bool ResponseParser::read_status_line(std::string_view line) {
    constexpr size_t kDigits = 3;
    if (!line.starts_with(kStartOfStatusLine) ||
        line.size() < kStartOfStatusLine.size() + 2 + kDigits) {
        return false;
    }
    const char minor = line[kStartOfStatusLine.size()];
    const std::string_view rest = line.substr(kStartOfStatusLine.size() + 1);
    const std::string_view digits = rest.substr(1, kDigits);
    const std::string_view reason = rest.substr(1 + kDigits);
    if ((minor != '0' && minor != '1') || rest.front() != ' ' ||
        !std::all_of(digits.begin(), digits.end(), is_digit) ||
        (!reason.empty() && reason.front() != ' ') || !is_field_text(reason)) {
        return false;
    }
    is_1_0_ = minor == '0';
    std::from_chars(digits.data(), digits.data() + digits.size(), status_);
    return status_ >= 100 && status_ <= 599;
}

bool ResponseParser::read_field(std::string_view line) {
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    if (colon == std::string_view::npos || name.empty() ||
        !std::all_of(name.begin(), name.end(),
                     [](char c) { return kIsToken[static_cast<uint8_t>(c)]; })) {
        fail("a field of the response has no name, or continues on another line");
        return false;
    }
    const std::string_view value = without_blanks(line.substr(colon + 1));
    if (!is_field_text(value)) {
        fail("a field of the response has a control character");
        return false;
    }
    switch (name.size()) {
        case 14: return !is_same(name, "content-length") || read_length(value);
        case 17: return !is_same(name, "transfer-encoding") || read_coding(value);
        case 10:
            if (is_same(name, "connection")) {
                read_connection(value);
            }
            return true;
        default: return true;
    }
}

bool ResponseParser::read_length(std::string_view value) {
    uint64_t length = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    const bool is_number = !value.empty() && std::all_of(value.begin(), value.end(), is_digit) &&
                           error == std::errc() &&
                           length <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (!is_number || (length_ && *length_ != length)) {
        fail("the response has an invalid Content-Length, or several");
        return false;
    }
    length_ = length;
    return true;
}

bool ResponseParser::read_coding(std::string_view value) {
    if (is_chunked_ || !is_same(value, "chunked")) {
        fail("the response has a Transfer-Encoding other than chunked");
        return false;
    }
    is_chunked_ = true;
    return true;
}

void ResponseParser::read_connection(std::string_view value) {
    while (!value.empty()) {
        const size_t comma = value.find(',');
        const std::string_view option = without_blanks(value.substr(0, comma));
        says_close_ = says_close_ || is_same(option, "close");
        says_keep_alive_ = says_keep_alive_ || is_same(option, "keep-alive");
        value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
    }
}

// RFC 9112, 6.3: how long the body is.
void ResponseParser::end_head() {
    if (is_chunked_ && (length_ || is_1_0_)) {
        fail(
            "the response has a Transfer-Encoding and a Content-Length, or is of "
            "HTTP/1.0");
        return;
    }
    if (status_ == 101) {
        fail("the response switches to another protocol");
        return;
    }
    if (status_ < 200) {
        part_ = Part::status_line;
        return;
    }
    keeps_connection_ = !says_close_ && (!is_1_0_ || says_keep_alive_);
    if (status_ == 204 || status_ == 304) {
        length_.reset();
        state_ = State::complete;
        return;
    }
    state_ = State::body;
    if (is_chunked_) {
        part_ = Part::chunk_size;
    } else if (length_) {
        part_ = Part::whole;
        left_ = *length_;
        state_ = left_ == 0 ? State::complete : State::body;
    } else {
        part_ = Part::until_closed;
        keeps_connection_ = false;
    }
}

void ResponseParser::take_chunk_line(std::string_view line) {
    if (part_ == Part::chunk_end) {
        if (!line.empty()) {
            fail("a chunk of the response is longer than it says");
            return;
        }
        part_ = Part::chunk_size;
        return;
    }
    if (part_ == Part::trailer) {
        if (line.empty()) {
            state_ = State::complete;
        } else if (line.find(':') == std::string_view::npos || !is_field_text(line)) {
            fail("a trailer of the response is invalid");
        }
        return;
    }
    left_ = 0;
    const auto read = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
    const auto digits = static_cast<size_t>(read.ptr - line.data());
    const std::string_view extension = line.substr(digits);
    const bool is_extension = extension.empty() || without_blanks(extension).starts_with(';');
    if (digits == 0 || digits > kMaxSizeDigits || !is_extension || !is_field_text(extension)) {
        fail("the size of a chunk of the response is invalid");
        return;
    }
    part_ = left_ == 0 ? Part::trailer : Part::chunk_data;
}

}  // namespace gateway

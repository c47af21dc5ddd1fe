#include "redis/resp.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace gateway {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

std::optional<int64_t> resp_number(std::string_view text) {
    int64_t number = 0;
    const char *end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return text.empty() || read.ec != std::errc() || read.ptr != end ? std::nullopt
                                                                     : std::optional(number);
}

RespValue line_value(RespValue::Type type, std::string_view text) {
    RespValue value;
    value.type = type;
    value.text = text;
    return value;
}

}  // namespace

void append_argument_count(std::string &out, size_t count) {
    out.append("*").append(std::to_string(count)).append(kLineEnd);
}

void append_argument(std::string &out, std::string_view argument) {
    out.append("$").append(std::to_string(argument.size())).append(kLineEnd);
    out.append(argument).append(kLineEnd);
}

void append_command(std::string &out, std::span<const std::string_view> arguments) {
    append_argument_count(out, arguments.size());
    for (const std::string_view argument : arguments) {
        append_argument(out, argument);
    }
}

std::optional<RespValue> RespReader::fail() {
    broken_ = true;
    return std::nullopt;
}

// True if the line is complete. Its end is removed from it.
bool RespReader::take_line(std::string_view &bytes) {
    const size_t end = bytes.find('\n');
    const std::string_view piece =
        bytes.substr(0, end == std::string_view::npos ? bytes.size() : end + 1);
    if (line_.size() + piece.size() > kMaxLine) {
        broken_ = true;
        return false;
    }
    line_.append(piece);
    bytes.remove_prefix(piece.size());
    if (end == std::string_view::npos) {
        return false;
    }
    if (!line_.ends_with(kLineEnd) || line_.find('\r') != line_.size() - kLineEnd.size()) {
        broken_ = true;
        return false;
    }
    line_.resize(line_.size() - kLineEnd.size());
    return true;
}

// True if the text is complete.
bool RespReader::take_text(std::string_view &bytes) {
    const std::string_view piece = bytes.substr(0, text_left_);
    text_.append(piece);
    bytes.remove_prefix(piece.size());
    text_left_ -= piece.size();
    if (text_left_ > 0) {
        return false;
    }
    if (!text_.ends_with(kLineEnd)) {
        broken_ = true;
        return false;
    }
    text_.resize(text_.size() - kLineEnd.size());
    return true;
}

std::optional<RespValue> RespReader::begin_value() {
    const std::string line = std::exchange(line_, {});
    bytes_ += line.size();
    if (line.empty() || ++values_ > kMaxValues || bytes_ > kMaxBytes) {
        return fail();
    }
    const std::string_view rest = std::string_view(line).substr(1);
    if (line[0] == '+' || line[0] == '-') {
        return line_value(line[0] == '+' ? RespValue::Type::status : RespValue::Type::error, rest);
    }
    const auto number = resp_number(rest);
    if (!number) {
        return fail();
    }
    RespValue value;
    if (line[0] == ':') {
        value.type = RespValue::Type::integer;
        value.integer = *number;
        return value;
    }
    if ((line[0] != '$' && line[0] != '*') || *number < -1) {
        return fail();
    }
    if (*number == -1) {
        return value;
    }
    const auto size = static_cast<uint64_t>(*number);
    if (line[0] == '$') {
        if (size > kMaxText || bytes_ + size > kMaxBytes) {
            return fail();
        }
        bytes_ += size;
        text_.clear();
        text_left_ = size + kLineEnd.size();
        return std::nullopt;
    }
    value.type = RespValue::Type::list;
    if (size == 0) {
        return value;
    }
    if (size > kMaxValues || lists_.size() == kMaxDepth) {
        return fail();
    }
    lists_.push_back({std::move(value), size});
    return std::nullopt;
}

std::optional<RespValue> RespReader::end_value(RespValue value) {
    while (!lists_.empty()) {
        OpenList &list = lists_.back();
        list.value.list.push_back(std::move(value));
        if (--list.left > 0) {
            return std::nullopt;
        }
        value = std::move(list.value);
        lists_.pop_back();
    }
    values_ = 0;
    bytes_ = 0;
    return value;
}

std::optional<RespValue> RespReader::next(std::string_view &bytes) {
    while (!bytes.empty() && !broken_) {
        std::optional<RespValue> value;
        if (text_left_ > 0) {
            if (take_text(bytes)) {
                value = line_value(RespValue::Type::text, std::exchange(text_, {}));
            }
        } else if (take_line(bytes)) {
            value = begin_value();
        }
        if (value) {
            if (auto reply = end_value(std::move(*value))) {
                return reply;
            }
        }
    }
    return std::nullopt;
}

}  // namespace gateway

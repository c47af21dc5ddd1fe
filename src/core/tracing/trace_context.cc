#include "core/tracing/trace_context.h"

#include <algorithm>
#include <span>
#include <vector>

namespace gateway {

namespace {

constexpr size_t kMaxMembers = 32;
constexpr size_t kLargeMember = 128;  // these are left out first
constexpr size_t kMaxKey = 256;
constexpr size_t kMaxValue = 256;
// Where the parts of "00-<trace>-<span>-<flags>" begin.
constexpr size_t kTraceAt = 3;
constexpr size_t kSpanAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kLength = 55;
constexpr size_t kMaxLength = 512;  // of a version that is not known yet
constexpr uint8_t kNoVersion = 0xFF;

int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

template <size_t kSize>
std::optional<std::array<uint8_t, kSize>> read_hex(std::string_view text) {
    if (text.size() != 2 * kSize) {
        return std::nullopt;
    }
    std::array<uint8_t, kSize> bytes{};
    for (size_t i = 0; i < kSize; ++i) {
        const int high = digit_of(text[2 * i]);
        const int low = digit_of(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        bytes[i] = static_cast<uint8_t>(high * 16 + low);
    }
    return bytes;
}

template <size_t kSize>
std::optional<std::array<uint8_t, kSize>> read_id(std::string_view text) {
    auto id = read_hex<kSize>(text);
    return id == std::array<uint8_t, kSize>{} ? std::nullopt : id;
}

void append_hex(std::string &text, std::span<const uint8_t> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
}

template <typename Id>
Id new_id(Random &random) {
    Id id{};
    while (id == Id{}) {
        random.fill(id);
    }
    return id;
}

bool is_key_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_key(std::string_view key) {
    return !key.empty() && key.size() <= kMaxKey && is_key_start(key.front()) &&
           std::all_of(key.begin(), key.end(), [](char c) {
               return is_key_start(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
           });
}

bool is_value(std::string_view value) {
    return !value.empty() && value.size() <= kMaxValue && value.back() != ' ' &&
           std::all_of(value.begin(), value.end(),
                       [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view without_blanks_around(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    const size_t begin = text.find_first_not_of(kBlanks);
    return begin == std::string_view::npos
               ? std::string_view()
               : text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

struct Member {
    std::string_view key;
    std::string_view text;  // with its key
};

// Nothing if one of them is wrong.
std::optional<std::vector<Member>> read_members(std::string_view value) {
    std::vector<Member> members;
    while (!value.empty()) {
        const size_t comma = value.find(',');
        const std::string_view text = without_blanks_around(value.substr(0, comma));
        value.remove_prefix(comma == std::string_view::npos ? value.size() : comma + 1);
        if (text.empty()) {
            continue;  // the standard allows empty members
        }
        const size_t equals = text.find('=');
        const std::string_view key = text.substr(0, equals);
        const bool is_valid = equals != std::string_view::npos && is_key(key) &&
                              is_value(text.substr(equals + 1)) && members.size() < kMaxMembers &&
                              std::none_of(members.begin(), members.end(),
                                           [=](const Member &one) { return one.key == key; });
        if (!is_valid) {
            return std::nullopt;
        }
        members.push_back({key, text});
    }
    return members;
}

size_t length_of(const std::vector<Member> &members) {
    size_t length = members.empty() ? 0 : members.size() - 1;
    for (const Member &member : members) {
        length += member.text.size();
    }
    return length;
}

}  // namespace

std::optional<TraceParent> read_traceparent(std::string_view value) {
    if (value.size() < kLength || value.size() > kMaxLength) {
        return std::nullopt;
    }
    const auto version = read_hex<1>(value.substr(0, 2));
    const auto trace = read_id<sizeof(TraceId)>(value.substr(kTraceAt, 2 * sizeof(TraceId)));
    const auto span = read_id<sizeof(SpanId)>(value.substr(kSpanAt, 2 * sizeof(SpanId)));
    const auto flags = read_hex<1>(value.substr(kFlagsAt, 2));
    const bool has_dashes =
        value[kTraceAt - 1] == '-' && value[kSpanAt - 1] == '-' && value[kFlagsAt - 1] == '-';
    if (!version || (*version)[0] == kNoVersion || !trace || !span || !flags || !has_dashes) {
        return std::nullopt;
    }
    // Later versions may add parts.
    if (value.size() > kLength && ((*version)[0] == 0 || value[kLength] != '-')) {
        return std::nullopt;
    }
    return TraceParent{*trace, *span, static_cast<uint8_t>((*flags)[0] & TraceParent::kKnownFlags)};
}

std::string write_traceparent(const TraceParent &parent) {
    std::string text;
    text.reserve(kLength);
    text += "00-";
    append_hex(text, parent.trace);
    text += '-';
    append_hex(text, parent.span);
    text += '-';
    append_hex(text, std::span(&parent.flags, 1));
    return text;
}

std::string read_tracestate(std::string_view value) {
    auto members = read_members(value);
    if (!members) {
        return {};
    }
    for (size_t i = members->size(); i > 0 && length_of(*members) > kTraceStateRoom; --i) {
        if ((*members)[i - 1].text.size() > kLargeMember) {
            members->erase(members->begin() + static_cast<std::ptrdiff_t>(i - 1));
        }
    }
    while (length_of(*members) > kTraceStateRoom) {
        members->pop_back();
    }
    std::string text;
    for (const Member &member : *members) {
        text.append(text.empty() ? "" : ",").append(member.text);
    }
    return text;
}

std::optional<TraceId> read_trace_id(std::string_view text) {
    return read_id<sizeof(TraceId)>(text);
}

std::optional<SpanId> read_span_id(std::string_view text) {
    return read_id<sizeof(SpanId)>(text);
}

std::string write_id(const TraceId &id) {
    std::string text;
    append_hex(text, id);
    return text;
}

std::string write_id(const SpanId &id) {
    std::string text;
    append_hex(text, id);
    return text;
}

TraceId new_trace_id(Random &random) {
    return new_id<TraceId>(random);
}

SpanId new_span_id(Random &random) {
    return new_id<SpanId>(random);
}

}  // namespace gateway

#include "core/request/part_head.h"

#include <algorithm>
#include <utility>

#include "core/json/text.h"
#include "core/request/header_value.h"

namespace gateway {

namespace {

constexpr size_t kLongestPartName = 256;
constexpr size_t kLongestFileName = 255;
constexpr size_t kLongestQuotedName = 64;
constexpr size_t kLongestDeclaredType = 128;

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// With U+FFFD in place of control characters and of bytes that are not UTF-8.
std::string cleaned_name(std::string_view text, size_t max) {
    std::string clean;
    while (!text.empty() && clean.size() < max) {
        const size_t length = is_control(text.front()) ? 0 : utf8_character(text);
        clean += length == 0 ? "\xEF\xBF\xBD" : text.substr(0, length);
        text.remove_prefix(std::max<size_t>(length, 1));
    }
    return std::string(front_of(clean, max));
}

std::optional<char> hex_byte(std::string_view digits) {
    int byte = 0;
    for (const char c : digits) {
        const size_t digit = std::string_view("0123456789abcdef").find(c >= 'A' ? c | 0x20 : c);
        if (digit == std::string_view::npos) {
            return std::nullopt;
        }
        byte = byte << 4 | static_cast<int>(digit);
    }
    return digits.size() == 2 ? std::optional(static_cast<char>(byte)) : std::nullopt;
}

// The value of filename* (RFC 8187): UTF-8'language'text, whose bytes may be written as %E2.
// Nothing if it is in another character set or cannot be read: file names are not needed.
std::optional<std::string> extended_value(std::string_view value) {
    const size_t charset = value.find('\'');
    const size_t language =
        charset == std::string_view::npos ? charset : value.find('\'', charset + 1);
    if (language == std::string_view::npos ||
        !equal_ignoring_case(value.substr(0, charset), "utf-8")) {
        return std::nullopt;
    }
    std::string text;
    for (size_t at = language + 1; at < value.size(); ++at) {
        if (value[at] != '%') {
            text += value[at];
            continue;
        }
        const auto byte = hex_byte(value.substr(at + 1, 2));
        if (!byte) {
            return std::nullopt;
        }
        text += *byte;
        at += 2;
    }
    return text;
}

class PartHeadReader {
 public:
    explicit PartHeadReader(size_t number) : number_(number) {}

    tl::expected<PartHead, Problem> read(std::string_view head) {
        const bool is_read =
            read_lines(head) && read_disposition() && check_encoding() && check_type();
        if (!is_read) {
            return tl::unexpected(std::move(problem_));
        }
        return std::move(head_);
    }

 private:
    bool read_lines(std::string_view head) {
        while (!head.empty()) {
            const size_t end = std::min(head.find("\r\n"), head.size());
            if (!read_line(head.substr(0, end))) {
                return false;
            }
            head.remove_prefix(std::min(end + 2, head.size()));
        }
        return true;
    }

    bool read_line(std::string_view line) {
        if (std::any_of(line.begin(), line.end(),
                        [](char c) { return is_control(c) && c != '\t'; })) {
            return fail("has a control character in its header lines.");
        }
        if (line.starts_with(' ') || line.starts_with('\t')) {
            return fail("has a header that continues on the next line. Write each in one line.");
        }
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 || line.find_first_of(" \t") < colon) {
            return fail("has a header line that is not of the form 'Name: value'.");
        }
        const std::string_view name = line.substr(0, colon);
        const std::string_view value = without_blanks(line.substr(colon + 1));
        return keep(disposition_, name, "Content-Disposition", value) &&
               keep(type_, name, "Content-Type", value) &&
               keep(encoding_, name, "Content-Transfer-Encoding", value);
    }

    bool keep(std::optional<std::string_view> &place, std::string_view name,
              std::string_view wanted, std::string_view value) {
        if (!equal_ignoring_case(name, wanted)) {
            return true;
        }
        if (place) {
            return fail("has '" + std::string(wanted) + "' twice in its header lines.");
        }
        place = value;
        return true;
    }

    bool read_disposition() {
        if (!disposition_) {
            return fail(
                "has no Content-Disposition header. Each part needs one, such as: "
                "Content-Disposition: form-data; name=\"prompt\".");
        }
        HeaderValue value(*disposition_);
        if (!equal_ignoring_case(value.word(), "form-data")) {
            return fail("has a Content-Disposition that is not form-data.");
        }
        std::optional<std::string_view> name;
        std::optional<std::string_view> file_name;
        std::optional<std::string_view> extended;
        while (const auto parameter = value.next()) {
            if (!keep(name, parameter->name, "name", parameter->value) ||
                !keep(file_name, parameter->name, "filename", parameter->value) ||
                !keep(extended, parameter->name, "filename*", parameter->value)) {
                return false;
            }
        }
        if (value.is_malformed()) {
            return fail(
                "has a Content-Disposition that cannot be read. Put names into double "
                "quotes, and write a double quote inside a name as %22.");
        }
        if (file_name || extended) {
            const auto decoded = extended ? extended_value(*extended) : std::nullopt;
            head_.file_name = cleaned_name(decoded     ? *decoded
                                           : file_name ? unescaped_name(*file_name)
                                                       : std::string(),
                                           kLongestFileName);
        }
        return set_name(name ? unescaped_name(*name) : std::string());
    }

    bool set_name(std::string name) {
        if (name.empty()) {
            return fail(
                "has no name. Its Content-Disposition must have one, such as: form-data; "
                "name=\"prompt\".");
        }
        if (name.size() > kLongestPartName) {
            return fail("has a name of more than " + std::to_string(kLongestPartName) + " bytes.");
        }
        for (size_t at = 0; at < name.size();) {
            const std::string_view rest = std::string_view(name).substr(at);
            const size_t length = is_control(rest.front()) ? 0 : utf8_character(rest);
            if (length == 0) {
                return fail("has a name that is not UTF-8, or has a control character.");
            }
            at += length;
        }
        head_.name = std::move(name);
        return true;
    }

    bool check_encoding() {
        if (!encoding_ || equal_ignoring_case(*encoding_, "binary") ||
            equal_ignoring_case(*encoding_, "8bit") || equal_ignoring_case(*encoding_, "7bit")) {
            return true;
        }
        return fail(
            "has a Content-Transfer-Encoding that is not binary. Send the bytes as they "
            "are, without an encoding.");
    }

    // Android's Retrofit and OkHttp declare single parts as multipart/form-data, if the program
    // passes MultipartBody.FORM for them. Such a part has no boundary, and is none of several
    // parts.
    bool check_type() {
        HeaderValue value(type_.value_or(std::string_view()));
        if (!equal_ignoring_case(value.word().substr(0, 10), "multipart/")) {
            head_.content_type =
                cleaned_name(type_.value_or(std::string_view()), kLongestDeclaredType);
            return true;
        }
        bool has_boundary = false;
        while (const auto parameter = value.next()) {
            has_boundary |= equal_ignoring_case(parameter->name, "boundary");
        }
        if (!has_boundary && equal_ignoring_case(value.word(), "multipart/form-data")) {
            return true;
        }
        return fail("is itself a multipart body. Send each file as a part of its own.");
    }

    bool fail(std::string what) {
        problem_ = {head_.name, kInvalidMultipart,
                    describe_part(number_, head_.name) + ' ' + std::move(what)};
        return false;
    }

    size_t number_;
    PartHead head_;
    Problem problem_;
    std::optional<std::string_view> disposition_;
    std::optional<std::string_view> type_;
    std::optional<std::string_view> encoding_;
};

}  // namespace

tl::expected<PartHead, Problem> read_part_head(std::string_view head, size_t number) {
    return PartHeadReader(number).read(head);
}

std::string describe_part(size_t number, std::string_view name) {
    std::string text = "Part " + std::to_string(number);
    if (!name.empty()) {
        text += " (" + quoted_name(name) + ")";
    }
    return text;
}

std::string quoted_name(std::string_view name) {
    return name.size() <= kLongestQuotedName
               ? "'" + std::string(name) + "'"
               : "'" + std::string(front_of(name, kLongestQuotedName)) + "…'";
}

}  // namespace gateway

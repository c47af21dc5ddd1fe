#include "core/request/multipart_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/request/header_value.h"

namespace gateway {

namespace {

constexpr std::string_view kFormType = "multipart/form-data";
constexpr size_t kLongestBoundary = 70;
constexpr size_t kLongestPadding = 256;
constexpr size_t kCrlf = 2;

// RFC 2046, section 5.1.1. A space is allowed, too, but not at the end.
bool is_boundary_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

// Whether a delimiter may be followed by this character. Otherwise it is data: a longer boundary of
// something else.
bool may_follow_delimiter(char c) {
    return c == '\r' || c == '-' || c == ' ' || c == '\t' || c == '\n';
}

size_t common_front(std::string_view a, std::string_view b) {
    const size_t max = std::min(a.size(), b.size());
    size_t same = 0;
    while (same < max && a[same] == b[same]) {
        ++same;
    }
    return same;
}

// The first place where the text goes on as a delimiter does: by its first three bytes, or by fewer
// at the end of the text. CRs may follow each other closely, and a call of memchr costs as much as
// a look at ten bytes; so it is called for what is farther away than that.
size_t find_front_of_delimiter(std::string_view text, size_t at) {
    constexpr size_t kNear = 16;
    constexpr size_t kFront = 3;
    while (at < text.size()) {
        const size_t near = text.size() - at >= kNear + kFront ? at + kNear : at;
        for (; at < near; ++at) {
            if (text[at] == '\r' && text[at + 1] == '\n' && text[at + 2] == '-') {
                return at;
            }
        }
        const void *found = std::memchr(text.data() + at, '\r', text.size() - at);
        if (found == nullptr) {
            break;
        }
        at = static_cast<size_t>(static_cast<const char *>(found) - text.data());
        if (text.size() - at < kFront || (text[at + 1] == '\n' && text[at + 2] == '-')) {
            return at;
        }
        ++at;
    }
    return text.size();
}

tl::unexpected<Problem> bad_content_type(std::string message) {
    return tl::unexpected(Problem{"Content-Type", kInvalidMultipart, std::move(message)});
}

}  // namespace

bool is_multipart_form(std::string_view content_type) {
    return equal_ignoring_case(HeaderValue(content_type).word(), kFormType);
}

tl::expected<std::string, Problem> read_boundary(std::string_view content_type) {
    HeaderValue value(content_type);
    if (!equal_ignoring_case(value.word(), kFormType)) {
        return bad_content_type("Content-Type must be multipart/form-data.");
    }
    std::optional<std::string_view> boundary;
    while (const auto parameter = value.next()) {
        if (equal_ignoring_case(parameter->name, "boundary")) {
            if (boundary) {
                return bad_content_type("Content-Type has more than one boundary.");
            }
            boundary = parameter->value;
        }
    }
    if (value.is_malformed()) {
        return bad_content_type(
            "Content-Type cannot be read. It must be of the form: multipart/form-data; "
            "boundary=\"…\".");
    }
    if (!boundary) {
        return bad_content_type(
            "Content-Type has no boundary. Do not set this header yourself: the HTTP library that "
            "writes the form knows its boundary.");
    }
    if (boundary->empty() || boundary->size() > kLongestBoundary || boundary->ends_with(' ') ||
        !std::all_of(boundary->begin(), boundary->end(), is_boundary_character)) {
        return bad_content_type(
            "The boundary in Content-Type must have 1 to 70 characters: letters, digits, and "
            "'()+_,-./:=? or spaces, with no space at its end.");
    }
    return std::string(*boundary);
}

MultipartReader::MultipartReader(std::string_view boundary, PartListener &listener,
                                 const MultipartLimits &limits)
    : delimiter_("\r\n--" + std::string(boundary)), listener_(listener), limits_(limits) {}

bool MultipartReader::feed(std::string_view piece) {
    while (!problem_ && !piece.empty()) {
        const size_t taken = take(piece);
        offset_ += taken;
        piece.remove_prefix(taken);
    }
    return !problem_;
}

bool MultipartReader::finish() {
    if (problem_ || place_ == Place::epilogue) {
        return !problem_;
    }
    if (offset_ == 0) {
        fail("The body is empty.");
    } else if (place_ == Place::preamble && matched_ < delimiter_.size()) {
        fail("The boundary that Content-Type names is not in the body.");
    } else {
        const bool in_data = place_ == Place::data;
        problem_ = Problem{in_data ? name_ : std::string(), "incomplete_body",
                           std::string("The body ends ") +
                               (in_data ? "within part " + std::to_string(parts_) + " (" +
                                              quoted_name(name_) + "), "
                                        : "") +
                               "before the closing boundary. Part of it is missing."};
    }
    return false;
}

size_t MultipartReader::take(std::string_view piece) {
    switch (place_) {
        case Place::boundary_line: return take_boundary_line(piece);
        case Place::head: return take_head(piece);
        case Place::epilogue: return take_epilogue(piece);
        default: return take_content(piece);
    }
}

// Content is data, or the preamble.
size_t MultipartReader::take_content(std::string_view piece) {
    size_t at = 0;
    if (matched_ > 0) {
        at = common_front(piece, std::string_view(delimiter_).substr(matched_));
        matched_ += at;
        if (at == piece.size()) {
            return at;
        }
        if (matched_ == delimiter_.size() && may_follow_delimiter(piece[at])) {
            end_content();
            return at;
        }
        // It was no delimiter. None begins within it, because its only CR is its first byte.
        const size_t held = matched_ - assumed_;
        matched_ = 0;
        pass_on(std::string_view(delimiter_).substr(assumed_, held), offset_ + at - held);
        if (problem_) {
            return at;
        }
    }
    return search(piece, at);
}

size_t MultipartReader::search(std::string_view piece, size_t from) {
    size_t at = from;
    while (true) {
        const size_t start = find_front_of_delimiter(piece, at);
        if (start == piece.size()) {
            pass_on(piece.substr(from), offset_ + from);
            return start;
        }
        const size_t same = common_front(piece.substr(start), delimiter_);
        const size_t end = start + same;
        if (end == piece.size()) {
            pass_on(piece.substr(from, start - from), offset_ + from);
            matched_ = same;
            assumed_ = 0;
            return end;
        }
        if (same == delimiter_.size() && may_follow_delimiter(piece[end])) {
            pass_on(piece.substr(from, start - from), offset_ + from);
            if (!problem_) {
                end_content();
            }
            return end;
        }
        at = end;
    }
}

void MultipartReader::pass_on(std::string_view text, uint64_t offset) {
    if (text.empty()) {
        return;
    }
    if (place_ == Place::data) {
        problem_ = listener_.on_data(text, offset);
        return;
    }
    outside_ += text.size();
    if (outside_ > limits_.outside_bytes) {
        fail("The boundary that Content-Type names is not within the first " +
             std::to_string(limits_.outside_bytes) + " bytes of the body.");
    }
}

void MultipartReader::end_content() {
    if (place_ == Place::data) {
        problem_ = listener_.on_part_end();
    }
    name_.clear();
    outside_ = 0;
    blanks_ = 0;
    line_ = Line::start;
    place_ = Place::boundary_line;
}

size_t MultipartReader::take_boundary_line(std::string_view piece) {
    const char c = piece.front();
    if (line_ == Line::hyphen && c == '-') {
        place_ = Place::epilogue;
    } else if (line_ == Line::carriage_return && c == '\n') {
        begin_head();
    } else if (line_ == Line::start && c == '-') {
        line_ = Line::hyphen;
    } else if ((line_ == Line::start || line_ == Line::blank) && c == '\r') {
        line_ = Line::carriage_return;
    } else if ((line_ == Line::start || line_ == Line::blank) && (c == ' ' || c == '\t') &&
               ++blanks_ <= kLongestPadding) {
        line_ = Line::blank;
    } else if ((line_ == Line::start || line_ == Line::blank) && c == '\n') {
        fail("The line of a boundary ends with LF. Lines in a multipart body must end with CRLF.");
    } else {
        fail("A boundary in the body must be followed by CRLF, or by '--' if it is the last one.");
    }
    return 1;
}

void MultipartReader::begin_head() {
    if (++parts_ > limits_.parts) {
        fail("The form has more than " + std::to_string(limits_.parts) + " parts.");
        return;
    }
    head_.clear();
    head_lines_ = 0;
    line_start_ = 0;
    place_ = Place::head;
}

size_t MultipartReader::take_head(std::string_view piece) {
    const size_t end = piece.find('\n');
    const size_t taken = end == std::string_view::npos ? piece.size() : end + 1;
    if (taken > limits_.head_bytes - head_.size()) {
        fail(part() + " has more than " + std::to_string(limits_.head_bytes) +
             " bytes of header lines.");
        return taken;
    }
    head_.append(piece.substr(0, taken));
    if (end != std::string_view::npos) {
        end_head_line(offset_ + taken);
    }
    return taken;
}

void MultipartReader::end_head_line(uint64_t offset) {
    const std::string_view line = std::string_view(head_).substr(line_start_);
    if (!line.ends_with("\r\n")) {
        fail(part() +
             " has a header line that ends with LF. Lines in a multipart body must end with CRLF.");
    } else if (line.size() == kCrlf) {
        end_head(offset);
    } else if (++head_lines_ > limits_.head_lines) {
        fail(part() + " has more than " + std::to_string(limits_.head_lines) + " header lines.");
    } else {
        line_start_ = head_.size();
    }
}

void MultipartReader::end_head(uint64_t offset) {
    auto head = read_part_head(std::string_view(head_).substr(0, line_start_), parts_);
    if (!head) {
        problem_ = std::move(head.error());
        return;
    }
    head->offset = offset;
    problem_ = listener_.on_part(*head);
    name_ = std::move(head->name);
    place_ = Place::data;
    matched_ = assumed_ = kCrlf;
}

size_t MultipartReader::take_epilogue(std::string_view piece) {
    outside_ += piece.size();
    if (outside_ > limits_.outside_bytes) {
        fail("The body has more than " + std::to_string(limits_.outside_bytes) +
             " bytes after its closing boundary.");
    }
    return piece.size();
}

void MultipartReader::fail(std::string message) {
    problem_ = Problem{name_, kInvalidMultipart, std::move(message)};
}

}  // namespace gateway

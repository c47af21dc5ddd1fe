#include "core/request/form.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/images/sniff.h"
#include "core/json/document.h"
#include "core/json/text.h"
#include "core/request/header_value.h"
#include "core/words.h"

namespace gateway {

namespace {

// Fields that hold images in one of the published APIs or another, without brackets.
constexpr std::string_view kImageFields =
    "image images mask mask_image markup input_image input_images image_input input_reference "
    "input_references reference_images ref_images init_image file files";

constexpr size_t kLongestCharacter = 4;  // of UTF-8, in bytes
constexpr size_t kByteParts = 3;         // that prove an exploded buffer

std::string_view before_brackets(std::string_view name) {
    return name.substr(0, name.find('['));
}

bool is_image_field(std::string_view name) {
    return is_one_of(before_brackets(name), kImageFields);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The name without a [] or [0] at its end.
std::string_view without_index(std::string_view name) {
    if (!name.ends_with(']')) {
        return name;
    }
    const size_t open = name.rfind('[');
    if (open == std::string_view::npos || open == 0) {
        return name;
    }
    const std::string_view index = name.substr(open + 1, name.size() - open - 2);
    return std::all_of(index.begin(), index.end(), is_digit) ? name.substr(0, open) : name;
}

std::string_view file_field(std::string_view name) {
    const std::string_view field = without_index(name);
    return field == "images" ? "image" : field;
}

// Whether a part of this type may be a text field.
bool is_text_type(std::string_view content_type) {
    const std::string_view type = HeaderValue(content_type).word();
    return type.empty() || equal_ignoring_case(type.substr(0, 5), "text/") ||
           equal_ignoring_case(type, "application/json");
}

bool are_ascii(std::string_view eight) {
    uint64_t word = 0;
    std::memcpy(&word, eight.data(), sizeof(word));
    return (word & 0x8080808080808080U) == 0;
}

// How much of the text is whole characters of UTF-8, from the front on.
size_t utf8_front(std::string_view text) {
    size_t at = 0;
    while (at < text.size()) {
        const std::string_view rest = text.substr(at);
        const bool plain = rest.size() >= sizeof(uint64_t) && are_ascii(rest);
        const size_t length = plain ? sizeof(uint64_t) : utf8_character(rest);
        if (length == 0) {
            break;
        }
        at += length;
    }
    return at;
}

// How many of the characters must be escaped in JSON.
size_t count_escapes(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
    }));
}

// Whether the bytes after the characters of UTF-8 may be the beginning of one more.
bool may_continue(std::string_view text, size_t checked) {
    return text.size() - checked < kLongestCharacter;
}

// Whether a file, and not a text, begins like this.
bool begins_file(std::string_view front) {
    const bool has_control = std::any_of(front.begin(), front.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
    });
    return has_control || sniff(front) != ImageFormat::unknown ||
           !may_continue(front, utf8_front(front));
}

bool is_byte_value(std::string_view text) {
    return !text.empty() && text.size() <= 3 && std::all_of(text.begin(), text.end(), is_digit) &&
           (text.size() < 3 || text <= "255");
}

// Whether the name ends with a number in brackets.
bool is_indexed(std::string_view name) {
    return name.ends_with(']') && !name.ends_with("[]") && without_index(name) != name;
}

}  // namespace

std::optional<Problem> FormCollector::on_part(const PartHead &head) {
    name_ = head.name;
    value_.clear();
    checked_ = 0;
    front_size_ = 0;
    is_announced_ = false;
    is_nameless_ = head.file_name && head.file_name->empty();
    if (head.file_name || !is_text_type(head.content_type)) {
        kind_ = Kind::file;
    } else {
        const bool may_be_file = head.content_type.empty() && is_image_field(name_);
        kind_ = may_be_file ? Kind::text_or_file : Kind::text;
    }
    if (kind_ != Kind::text) {
        file_ = FormFile{std::string(file_field(name_)),
                         0,
                         name_,
                         head.file_name.value_or(std::string()),
                         head.content_type,
                         head.offset,
                         0};
        const auto earlier = std::count_if(files_.begin(), files_.end(), [&](const FormFile &file) {
            return file.field == file_.field;
        });
        file_.index = static_cast<size_t>(earlier);
    }
    return std::nullopt;
}

std::optional<Problem> FormCollector::on_data(std::string_view piece, uint64_t /*offset*/) {
    if (kind_ == Kind::text_or_file) {
        const size_t taken = std::min(piece.size(), front_.size() - front_size_);
        std::copy_n(piece.data(), taken, front_.data() + front_size_);
        front_size_ += taken;
        piece.remove_prefix(taken);
        if (front_size_ < front_.size()) {
            return std::nullopt;
        }
        if (auto problem = decide()) {
            return problem;
        }
    }
    return add(piece);
}

std::optional<Problem> FormCollector::on_part_end() {
    if (kind_ == Kind::text_or_file) {
        if (auto problem = decide()) {
            return problem;
        }
    }
    return kind_ == Kind::file ? end_file() : end_text();
}

std::optional<Problem> FormCollector::decide() {
    const std::string_view front(front_.data(), front_size_);
    kind_ = begins_file(front) ? Kind::file : Kind::text;
    return add(front);
}

std::optional<Problem> FormCollector::add(std::string_view piece) {
    if (piece.empty()) {
        return std::nullopt;
    }
    return kind_ == Kind::file ? add_to_file(piece) : add_to_text(piece);
}

std::optional<Problem> FormCollector::add_to_file(std::string_view piece) {
    file_.size += piece.size();
    if (listener_ == nullptr) {
        return std::nullopt;
    }
    if (auto problem = announce_file()) {
        return problem;
    }
    return listener_->on_file_data(piece);
}

std::optional<Problem> FormCollector::announce_file() {
    if (is_announced_) {
        return std::nullopt;
    }
    is_announced_ = true;
    FormFile file = file_;
    file.size = 0;
    return listener_->on_file(file);
}

// A browser sends a file input that nobody has filled in as a part with an empty name and no data.
// It means that there is no file.
std::optional<Problem> FormCollector::end_file() {
    if (is_nameless_ && file_.size == 0) {
        return std::nullopt;
    }
    std::optional<Problem> problem;
    if (listener_ != nullptr) {
        problem = announce_file();
        if (!problem) {
            problem = listener_->on_file_end(file_);
        }
    }
    files_.push_back(std::move(file_));
    return problem;
}

std::optional<Problem> FormCollector::add_to_text(std::string_view piece) {
    const size_t room = limits_.value_bytes - value_.size();
    const size_t room_in_all = limits_.text_bytes - text_bytes_;
    const std::string_view kept = piece.substr(0, std::min(room, room_in_all));
    value_.append(kept);
    text_bytes_ += kept.size();
    escapes_ += count_escapes(kept);
    checked_ += utf8_front(std::string_view(value_).substr(checked_));
    if (!may_continue(value_, checked_)) {
        return not_utf8();
    }
    if (kept.size() == piece.size()) {
        return std::nullopt;
    }
    if (room <= room_in_all) {
        return Problem{name_, "string_above_max_length",
                       "Field " + quoted_name(name_) + " has more than " +
                           std::to_string(limits_.value_bytes) +
                           " bytes of text. Send a file as a part with a file name."};
    }
    return Problem{name_, "string_above_max_length",
                   "The text fields of the form have more than " +
                       std::to_string(limits_.text_bytes) + " bytes in all."};
}

std::optional<Problem> FormCollector::end_text() {
    if (checked_ != value_.size()) {
        return not_utf8();
    }
    if (auto problem = find_exploded_buffer()) {
        return problem;
    }
    escapes_ += count_escapes(name_);
    if (escapes_ > kCallersJson.escapes) {
        return Problem{name_, "invalid_value",
                       "The text fields of the form have more than " +
                           std::to_string(kCallersJson.escapes) +
                           " line ends, quotes, backslashes and control characters."};
    }
    return fields_.add(name_, std::exchange(value_, std::string()));
}

Problem FormCollector::not_utf8() const {
    return {name_, "invalid_value",
            "Field " + quoted_name(name_) +
                " is text that is not UTF-8. Send a file as a part with a file name."};
}

// What becomes of a JavaScript Buffer when it is put into a form as if it were an object: a text
// part for each of its bytes, such as image[0]=137, or image[][0]=137 for a Buffer in a list.
std::optional<Problem> FormCollector::find_exploded_buffer() {
    if (!is_image_field(name_) || !is_indexed(name_) || !is_byte_value(value_)) {
        return std::nullopt;
    }
    const bool is_in_list = without_index(name_).ends_with(']');
    if (++byte_parts_ < kByteParts && !is_in_list) {
        return std::nullopt;
    }
    const std::string field(before_brackets(name_));
    return Problem{field, "invalid_value",
                   "Field " + quoted_name(field) + " was sent as one text part for each byte (" +
                       quoted_name(name_) + " is " + value_ +
                       "). This is what becomes of a JavaScript Buffer or Uint8Array. Pass a "
                       "file instead: await toFile(buffer, 'image.png', {type: 'image/png'}) "
                       "with the OpenAI SDK, or new File([buffer], 'image.png', {type: "
                       "'image/png'})."};
}

}  // namespace gateway

#include "core/request/decode_images.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/words.h"

namespace gateway {

namespace {

constexpr std::string_view kUrlMembers[] = {"image_url", "url"};

// Of the files of a provider, as they are known. No other text is sent in their place.
bool is_file_id(std::string_view text) {
    constexpr size_t kMax = 256;
    return !text.empty() && text.size() <= kMax &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

// "@2" if there are more than two strings that were cut out. No URL and no base64 begins with "@".
std::optional<size_t> cut_out_index(std::string_view text, size_t count) {
    size_t index = 0;
    if (!text.starts_with('@')) {
        return std::nullopt;
    }
    const auto [stop, error] = std::from_chars(text.data() + 1, text.data() + text.size(), index);
    const bool whole = error == std::errc() && stop == text.data() + text.size();
    return whole && index < count ? std::optional(index) : std::nullopt;
}

}  // namespace

bool is_input_image_field(std::string_view name) {
    return is_one_of(name, kInputImageFields) || name == kMaskField;
}

void ImageFieldReader::read(std::string_view field, JsonValue value) {
    const bool is_mask = field == kMaskField;
    if (value.is(JsonKind::array) && !is_mask) {
        read_list(field, value);
    } else if (!value.is(JsonKind::null)) {
        read_one(std::string(field), value, is_mask ? masks : images);
    }
}

void ImageFieldReader::read_list(std::string_view field, JsonValue list) {
    if (images.size() + list.size() > max_) {
        problem(std::string(field), "array_above_max_length",
                std::string(field) + " has " + std::to_string(list.size()) +
                    " images; a request may have at most " + std::to_string(max_) + ".");
        return;
    }
    if (list.size() == 0) {
        problem(std::string(field), "invalid_value", std::string(field) + " has no image.");
    }
    size_t index = 0;
    for (const JsonValue item : list) {
        read_one(std::string(field) + "[" + std::to_string(index++) + "]", item, images);
    }
}

void ImageFieldReader::read_one(const std::string &field, JsonValue value,
                                std::vector<ImageReference> &into) {
    if (value.is(JsonKind::object)) {
        read_object(field, value, into);
        return;
    }
    if (!value.is(JsonKind::string)) {
        problem(field, "invalid_type",
                field + " must be an image (a URL, a data URL, base64, or an object with one of " +
                    "image_url, b64_json and file_id), not " + std::string(name_of(value.kind())) +
                    ".");
        return;
    }
    if (value.string().empty()) {
        problem(field, "invalid_value", field + " is empty.");
        return;
    }
    const auto index = cut_out_index(value.string(), cut_out_);
    into.push_back({field, index ? ImageReference::Kind::file : ImageReference::Kind::text,
                    index.value_or(0), value.string()});
}

// {"image_url": "…"}, {"image_url": {"url": "…"}}, {"url": "…"}, {"b64_json": "…"} or
// {"file_id": "…"}. A member "type" or "detail" says nothing more.
void ImageFieldReader::read_object(const std::string &field, JsonValue value,
                                   std::vector<ImageReference> &into) {
    JsonValue found;
    bool is_id = false;
    size_t count = 0;
    std::string place = field;
    const auto take = [&](JsonValue member, std::string_view name) {
        if (member && !member.is(JsonKind::null)) {
            ++count;
            found = member;
            place = field + "." + std::string(name);
        }
    };
    for (const std::string_view name : kUrlMembers) {
        take(value[name], name);
    }
    take(value["b64_json"], "b64_json");
    take(value["file_id"], "file_id");
    is_id = count == 1 && place.ends_with(".file_id");
    if (count != 1) {
        problem(field, "invalid_value",
                field + " must have exactly one of image_url, url, b64_json and file_id.");
        return;
    }
    if (found.is(JsonKind::object) && !is_id) {
        found = found["url"];
        place += ".url";
    }
    if (!found.is(JsonKind::string)) {
        problem(place, "invalid_type",
                place + " must be a string, not " + std::string(name_of(found.kind())) + ".");
    } else if (is_id && !is_file_id(found.string())) {
        problem(place, "invalid_value",
                place + " must be a file's id: 1 to 256 letters, digits, '-', '_' and '.'.");
    } else if (is_id) {
        into.push_back({place, ImageReference::Kind::file_id, 0, found.string()});
    } else {
        read_one(place, found, into);
    }
}

void ImageFieldReader::problem(const std::string &field, std::string code, std::string message) {
    problems.push_back({field, std::move(code), std::move(message)});
}

}  // namespace gateway

#include "core/s3/listing.h"

#include <algorithm>

#include "core/images/links.h"
#include "core/s3/expiry_groups.h"

namespace gateway {

namespace {

// Calls `take` with the text of each element of this name.
template <typename Take>
void for_each_element(std::string_view xml, std::string_view name, Take take) {
    const std::string begin = "<" + std::string(name) + ">";
    for (size_t at = xml.find(begin); at != std::string_view::npos; at = xml.find(begin, at)) {
        at += begin.size();
        const size_t end = xml.find('<', at);
        if (end == std::string_view::npos) {
            return;
        }
        take(xml.substr(at, end - at));
        at = end;
    }
}

// Of a name with slashes, which may end with one.
std::string_view last_part(std::string_view text) {
    if (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return text.substr(text.rfind('/') + 1);
}

}  // namespace

std::vector<std::string> groups_in(std::string_view xml) {
    std::vector<std::string> groups;
    for_each_element(xml, "Prefix", [&](std::string_view text) {
        const std::string_view name = last_part(text);
        if (text.ends_with('/') && end_of_group(name)) {
            groups.emplace_back(name);
        }
    });
    return groups;
}

std::vector<std::string> images_in(std::string_view xml) {
    std::vector<std::string> images;
    for_each_element(xml, "Key", [&](std::string_view text) {
        const std::string_view name = last_part(text);
        if (!text.ends_with('/') && is_image_name(name)) {
            images.emplace_back(name);
        }
    });
    return images;
}

std::string error_code(std::string_view xml) {
    std::string code;
    for_each_element(xml, "Code", [&](std::string_view text) {
        if (code.empty() && is_plain_word(text)) {
            code = text;
        }
    });
    return code;
}

bool is_plain_word(std::string_view text) {
    constexpr size_t kLongest = 39;  // a secret key of AWS has 40 characters
    return !text.empty() && text.size() <= kLongest &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-';
           });
}

}  // namespace gateway

#include "core/images/links.h"

#include <algorithm>
#include <charconv>

#include "core/bytes/sha256.h"

namespace gateway {

namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr size_t kNameLength = 26;
constexpr std::string_view kResultEnding = ".base64";
constexpr size_t kDirectoryLength = 2;  // a directory is named by the first letters of a name

struct Ending {
    ImageFormat format;
    std::string_view text;
};
constexpr Ending kEndings[] = {
    {ImageFormat::png, ".png"}, {ImageFormat::jpeg, ".jpeg"}, {ImageFormat::webp, ".webp"},
    {ImageFormat::gif, ".gif"}, {ImageFormat::avif, ".avif"}, {ImageFormat::heic, ".heic"},
};

Sha256 sign(std::string_view name, std::string_view expires, const std::string &key) {
    std::string text(name);
    text.append("\n").append(expires);
    return hmac_sha256(key, text);
}

// The value of the first "name=value" in a query.
std::string_view argument(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const size_t end = query.find('&');
        const std::string_view part = query.substr(0, end);
        if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=') {
            return part.substr(name.size() + 1);
        }
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    }
    return {};
}

}  // namespace

std::string new_image_name(Random &random, ImageFormat format) {
    std::array<uint8_t, kNameLength> bytes{};
    random.fill(bytes);
    std::string name;
    for (const uint8_t byte : bytes) {
        name += kLetters[byte & 31];
    }
    const auto *ending = std::find_if(std::begin(kEndings), std::end(kEndings),
                                      [=](const Ending &row) { return row.format == format; });
    return ending == std::end(kEndings) ? name : name.append(ending->text);
}

std::string new_result_name(Random &random) {
    return new_image_name(random, ImageFormat::unknown).append(kResultEnding);
}

bool is_result_name(std::string_view name) {
    return name.size() == kNameLength + kResultEnding.size() && name.ends_with(kResultEnding) &&
           name.substr(0, kNameLength).find_first_not_of(kLetters) == std::string_view::npos;
}

ImageFormat format_of_name(std::string_view name) {
    const std::string_view ending = name.substr(std::min(kNameLength, name.size()));
    const auto *found = std::find_if(std::begin(kEndings), std::end(kEndings),
                                     [=](const Ending &row) { return row.text == ending; });
    return found == std::end(kEndings) ? ImageFormat::unknown : found->format;
}

bool is_image_name(std::string_view name) {
    return name.substr(0, kNameLength).find_first_not_of(kLetters) == std::string_view::npos &&
           format_of_name(name) != ImageFormat::unknown;
}

bool is_image_directory(std::string_view name) {
    return name.size() == kDirectoryLength &&
           name.find_first_not_of(kLetters) == std::string_view::npos;
}

std::string image_path(const Hosting &hosting, std::string_view name) {
    return hosting.directory + "/" + std::string(name.substr(0, kDirectoryLength)) + "/" +
           std::string(name);
}

std::string signed_link(std::string_view name, int64_t expires, const std::string &key) {
    const std::string time = std::to_string(expires);
    return "images/files/" + std::string(name) + "?expires=" + time +
           "&signature=" + to_hex(sign(name, time, key));
}

int64_t expiry_of(std::string_view query) {
    const std::string_view text = argument(query, "expires");
    int64_t expires = 0;
    const char *end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, expires);
    return error == std::errc() && stop == end ? expires : 0;
}

bool is_valid_link(std::string_view name, std::string_view query, const Hosting &hosting,
                   int64_t now) {
    const auto given = parse_sha256(argument(query, "signature"));
    if (!given || expiry_of(query) <= now) {
        return false;
    }
    bool valid = false;
    for (const std::string &key : hosting.keys) {
        const bool same =
            equal_in_constant_time(*given, sign(name, argument(query, "expires"), key));
        valid = valid || same;
    }
    return valid;
}

}  // namespace gateway

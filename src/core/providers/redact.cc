#include "core/providers/redact.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/json/text.h"

namespace gateway {

namespace {

constexpr size_t kLongestLine = 800;
constexpr size_t kLongestWord = 80;

bool is_encoded(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=' || c == '_' || c == '-';
}

}  // namespace

std::string hide_secrets(std::string text, const std::vector<std::string> &secrets) {
    std::vector<std::string_view> found;
    for (const std::string &secret : secrets) {
        if (!secret.empty() && text.find(secret) != std::string::npos) {
            found.push_back(secret);
        }
    }
    // The longest first: one secret may be the beginning of another.
    std::sort(found.begin(), found.end(),
              [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
    constexpr std::string_view kInstead = "[secret]";
    for (const std::string_view secret : found) {
        for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
            text.replace(at, secret.size(), kInstead);
            at += kInstead.size();
        }
    }
    return text;
}

std::string redact(std::string text, const std::vector<std::string> &secrets) {
    text = hide_secrets(std::move(text), secrets);
    constexpr size_t kLongest = 1024;
    text.resize(front_of(text, kLongest).size());
    return text;
}

std::string for_log(std::string_view text) {
    std::string line;
    size_t run = 0;
    for (const char c : text) {
        run = is_encoded(c) ? run + 1 : 0;
        if (run == kLongestWord) {
            line += "[...]";
        }
        if (run >= kLongestWord) {
            continue;
        }
        if (line.size() >= kLongestLine) {
            line += "...";
            break;
        }
        const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        line += control ? ' ' : c;
    }
    return line;
}

}  // namespace gateway

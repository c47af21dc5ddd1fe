#include "core/response/redact.h"

#include <string_view>

namespace gateway {

namespace {

constexpr size_t kLongestLine = 800;
constexpr size_t kLongestWord = 80;

bool is_encoded(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '=' || c == '_' || c == '-';
}

}  // namespace

std::string redact(std::string text, const std::vector<ProviderKey> &keys) {
    constexpr std::string_view kInstead = "[secret]";
    for (const ProviderKey &key : keys) {
        for (size_t at = text.find(key.secret); at != std::string::npos;
             at = text.find(key.secret, at)) {
            text.replace(at, key.secret.size(), kInstead);
            at += kInstead.size();
        }
    }
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

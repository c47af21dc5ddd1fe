// For tests: random JSON documents without white space, with long strings of awkward content.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace gateway {

// With no more escapes than JSON asks for, so that what was read can be compared as text.
inline std::string escape_json(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            (json += '\\') += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            json += "\\u00";
            (json += kHex[static_cast<size_t>(c) >> 4]) += kHex[static_cast<size_t>(c) & 15];
        } else {
            json += c;
        }
    }
    return json + "\"";
}

class RandomJson {
 public:
    explicit RandomJson(unsigned seed) : random_(seed) {}

    std::mt19937 &random() { return random_; }
    std::string document() { return value(5); }

 private:
    size_t up_to(size_t max) { return random_() % (max + 1); }

    std::string value(size_t depth) {
        switch (up_to(depth == 0 ? 4 : 8)) {
            case 0: return "null";
            case 1: return up_to(1) == 0 ? "true" : "false";
            case 2: return number();
            case 3: return string();
            case 4: return long_string();
            case 5:
            case 6: return container("[", "]", depth, false);
            default: return container("{", "}", depth, true);
        }
    }

    std::string container(const char *open, const char *close, size_t depth, bool keys) {
        std::string json = open;
        for (size_t left = up_to(6), first = left; left > 0; --left) {
            json += left == first ? "" : ",";
            json += keys ? string() + ":" : "";
            json += value(depth - 1);
        }
        return json + close;
    }

    std::string number() {
        constexpr std::string_view kNumbers[] = {"0", "-1", "1.5", "-0", "1e400", "12345678901234"};
        return std::string(kNumbers[up_to(std::size(kNumbers) - 1)]);
    }

    std::string text(size_t pieces) {
        using namespace std::string_view_literals;
        constexpr std::string_view kPieces[] = {"a"sv,        "b"sv,
                                                "iVBORw0K"sv, "/"sv,
                                                "\""sv,       "\\"sv,
                                                "\\\\"sv,     "\\\""sv,
                                                "\n"sv,       "\0"sv,
                                                "\x7f"sv,     "\xc3\xa9"sv,
                                                "\\u"sv,      "\xe6\x97\xa5"sv,
                                                " "sv,        "{\"a\":"sv,
                                                ",\"\""sv,    "\xf0\x9f\x98\x80"sv};
        // Some texts hold only what is harmless.
        const size_t max = up_to(2) == 0 ? 3 : std::size(kPieces) - 1;
        std::string text;
        for (; pieces > 0; --pieces) {
            text += kPieces[up_to(max)];
        }
        return text;
    }

    std::string string() { return escape_json(text(up_to(3))); }

    // Some have an escaped slash, which only a lifted string may keep: it is not written so again.
    std::string long_string() {
        const std::string json = escape_json(text(80 + up_to(80)));
        return up_to(3) == 0 ? "\"\\/" + json.substr(1) : json;
    }

    std::mt19937 random_;
};

}  // namespace gateway

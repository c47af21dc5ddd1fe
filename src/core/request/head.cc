#include "core/request/head.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "core/json/text.h"
#include "core/request/header_value.h"

namespace gateway {

namespace {

struct HeaderRule {
    std::string_view RequestHead::*value;
    const char *name;
    size_t longest;
    bool spaces = false;
};

constexpr HeaderRule kRules[] = {
    {&RequestHead::on_behalf_of, "X-On-Behalf-Of", 256, true},
    {&RequestHead::request_id, "X-Request-Id", 128},
    {&RequestHead::idempotency_key, "Idempotency-Key", 255},
};

bool is_printable(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
        const size_t length = utf8_character(text.substr(at));
        if (length == 0 || (length == 1 && (text[at] < 0x20 || text[at] == 0x7f))) {
            return false;
        }
        at += length;
    }
    return true;
}

tl::expected<void, ApiError> check_forms(const RequestHead &head) {
    for (const HeaderRule &rule : kRules) {
        const std::string_view value = head.*rule.value;
        const bool fits = value.size() <= rule.longest &&
                          (rule.spaces ? is_printable(value) : is_visible_ascii(value));
        if (!fits) {
            return tl::unexpected(ApiError::of(
                400, "invalid_value",
                std::string(rule.name) + " must have at most " + std::to_string(rule.longest) +
                    (rule.spaces ? " bytes and no control characters."
                                 : " visible ASCII characters."),
                rule.name));
        }
    }
    return {};
}

tl::expected<void, ApiError> read_timeout(std::string_view text, Wishes &wishes) {
    int64_t seconds = 0;
    const char *end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, seconds);
    if (problem != std::errc() || stop != end || seconds < 1) {
        return tl::unexpected(
            ApiError::of(400, "invalid_value",
                         "X-Request-Timeout must be a whole number of seconds, at least 1.",
                         "X-Request-Timeout"));
    }
    constexpr int64_t kMax = 1'000'000;
    wishes.timeout = std::chrono::seconds(std::min(seconds, kMax));
    return {};
}

tl::expected<void, ApiError> read_raw(std::string_view text, Wishes &wishes) {
    while (!text.empty()) {
        const size_t comma = text.find(',');
        std::string_view word = text.substr(0, comma);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        while (word.starts_with(' ')) {
            word.remove_prefix(1);
        }
        while (word.ends_with(' ')) {
            word.remove_suffix(1);
        }
        if (word == "request") {
            wishes.raw_request = true;
        } else if (word == "response") {
            wishes.raw_response = true;
        } else {
            return tl::unexpected(ApiError::of(400, "invalid_value",
                                               "X-Image-Gateway-Raw must be request, response, or "
                                               "both, separated by a comma.",
                                               "X-Image-Gateway-Raw"));
        }
    }
    return {};
}

// Preferences that the gateway does not know, or cannot read, are ignored, as RFC 7240 says.
void read_preferences(std::string_view text, Wishes &wishes) {
    constexpr int64_t kLongestWait = 86'400;
    while (!text.empty()) {
        const size_t comma = text.find(',');
        const std::string_view preference = text.substr(0, std::min(comma, text.find(';')));
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        const size_t equals = preference.find('=');
        const std::string_view name = without_blanks(preference.substr(0, equals));
        if (equal_ignoring_case(name, "respond-async")) {
            wishes.respond_async = true;
        } else if (equal_ignoring_case(name, "wait") && equals != std::string_view::npos) {
            const std::string_view value = without_blanks(preference.substr(equals + 1));
            int64_t seconds = 0;
            const auto [stop, problem] =
                std::from_chars(value.data(), value.data() + value.size(), seconds);
            if (problem == std::errc() && stop == value.data() + value.size() && seconds >= 0) {
                wishes.wait = std::chrono::seconds(std::min(seconds, kLongestWait));
            }
        }
    }
}

}  // namespace

tl::expected<Wishes, ApiError> read_wishes(const RequestHead &head) {
    if (!head.repeated.empty()) {
        const std::string name(head.repeated);
        return tl::unexpected(
            ApiError::of(400, "invalid_value", name + " must not occur more than once.", name));
    }
    if (auto checked = check_forms(head); !checked) {
        return tl::unexpected(std::move(checked.error()));
    }
    Wishes wishes;
    if (!head.timeout.empty()) {
        if (auto read = read_timeout(head.timeout, wishes); !read) {
            return tl::unexpected(std::move(read.error()));
        }
    }
    if (!head.fit.empty() && head.fit != "strict" && head.fit != "adapt") {
        return tl::unexpected(ApiError::of(400, "invalid_value",
                                           "X-Image-Gateway-Fit must be strict or adapt.",
                                           "X-Image-Gateway-Fit"));
    }
    wishes.strict = head.fit == "strict";
    if (auto read = read_raw(head.raw, wishes); !read) {
        return tl::unexpected(std::move(read.error()));
    }
    read_preferences(head.prefer, wishes);
    return wishes;
}

}  // namespace gateway

#include "core/providers/callers_words.h"

#include <algorithm>
#include <string>
#include <variant>

namespace gateway {

namespace {

bool is_ascii(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Digits, letters in lower case, and every byte of other scripts unless `only_ascii` is set.
std::string letters_of(std::string_view text, bool only_ascii) {
    std::string letters;
    for (const char c : text) {
        if (c >= 'A' && c <= 'Z') {
            letters += static_cast<char>(c + ('a' - 'A'));
        } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                   (!only_ascii && static_cast<unsigned char>(c) >= 0x80)) {
            letters += c;
        }
    }
    return letters;
}

class WordSearch {
 public:
    explicit WordSearch(std::string_view word)
        : only_ascii_(is_ascii(word)), letters_(letters_of(word, only_ascii_)) {}

    [[nodiscard]] bool finds_in(std::string_view text) const {
        return letters_of(text, only_ascii_).find(letters_) != std::string::npos;
    }
    [[nodiscard]] bool finds_in(JsonValue value) const {
        constexpr size_t kLongest = size_t{1024} * 1024;
        if (value.is(JsonKind::string)) {
            return finds_in(value.long_string(kLongest));
        }
        for (const JsonValue member : value) {
            if (finds_in(member.key()) || finds_in(member)) {
                return true;
            }
        }
        return false;
    }

 private:
    bool only_ascii_;
    std::string letters_;
};

bool is_in_params(const Params &params, const WordSearch &word) {
    return std::any_of(all_params().begin(), all_params().end(), [&](Param param) {
        const auto *text = std::get_if<std::string_view>(&params[param]);
        return text != nullptr && word.finds_in(*text);
    });
}

}  // namespace

bool is_in_request(const ProviderRequest &request, std::string_view word) {
    const WordSearch search(word);
    return search.finds_in(request.model) || is_in_params(request.params, search) ||
           search.finds_in(request.request_id) || search.finds_in(request.idempotency_key) ||
           search.finds_in(request.traceparent) || search.finds_in(request.tracestate) ||
           std::any_of(request.forwarded.begin(), request.forwarded.end(),
                       [&](const JsonValue field) {
                           return search.finds_in(field.key()) || search.finds_in(field);
                       });
}

void distrust_callers_words(Outcome &outcome, const ProviderRequest &request) {
    FromWords &words = outcome.from_words;
    // An outcome that may be billed stays one, whatever words the caller wrote.
    const bool counts =
        words.without_words == OutcomeType::unknown || !concerns_one_request(outcome.type);
    if (!words.type.empty() && counts && is_in_request(request, words.type)) {
        outcome.type = words.without_words;
    }
    if (!words.wait.empty() && is_in_request(request, words.wait)) {
        outcome.retry_after.reset();
    }
}

}  // namespace gateway

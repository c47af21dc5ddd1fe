// For tests: rows that describe a published contract, independent of the tables that they are
// compared with.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gateway {

// Every field that any contract has.
inline const std::set<std::string> kPublishedFields = {"prompt",
                                                       "model",
                                                       "n",
                                                       "quality",
                                                       "response_format",
                                                       "size",
                                                       "aspect_ratio",
                                                       "resolution",
                                                       "style",
                                                       "output_format",
                                                       "output_compression",
                                                       "background",
                                                       "moderation",
                                                       "stream",
                                                       "partial_images",
                                                       "user",
                                                       "seed",
                                                       "num_inference_steps",
                                                       "negative_prompt",
                                                       "guidance",
                                                       "input_fidelity",
                                                       "strength",
                                                       "mask_mode",
                                                       "mask_feather",
                                                       "fallbacks"};

inline std::vector<std::string> split(std::string_view words) {
    std::vector<std::string> list;
    while (!words.empty()) {
        const size_t end = std::min(words.find(' '), words.size());
        list.emplace_back(words.substr(0, end));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
    return list;
}

inline std::string in_quotes(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

// Words that some contract has, and similar words.
inline std::vector<std::string> words_of_all(const std::string &field) {
    static const std::map<std::string, std::string> kWords = {
        {"quality", "auto low medium high xhigh max standard hd ultra"},
        {"response_format", "url b64_json b64"},
        {"size",
         "256x256 512x512 1024x1024 1024x1536 1536x1024 1792x1024 1024x1792 auto 2048x2048 2K"},
        {"aspect_ratio", "21:9 16:9 4:3 3:2 1:1 2:3 3:4 9:16 9:21 5:4 auto"},
        {"style", "vivid natural bold"},
        {"output_format", "png webp jpeg jpg gif"},
        {"background", "transparent opaque auto white"},
        {"moderation", "low auto high"},
        {"input_fidelity", "high low medium"},
        {"mask_mode", "model exact soft"}};
    return split(kWords.at(field));
}

// A row of the contract.
struct Expected {
    enum class Kind : uint8_t { text, words, integer, number, boolean, model, fallbacks };

    std::string name;
    Kind kind;
    std::optional<int64_t> min = {};  // of texts: characters
    std::optional<int64_t> max = {};
    std::vector<std::string> allowed = {};
    std::vector<std::string> beyond = {};
    bool is_required = false;
    bool is_nullable = false;
    std::string standard = {};

    Expected required() && {
        is_required = true;
        return std::move(*this);
    }
    Expected nullable() && {
        is_nullable = true;
        return std::move(*this);
    }
    Expected default_value(std::string value) && {
        standard = std::move(value);
        return std::move(*this);
    }
    // Taken by mistake if `allowed` were searched carelessly.
    [[nodiscard]] std::vector<std::string> nearly_allowed() const {
        std::vector<std::string> near = {"", " "};
        for (const std::string &word : allowed) {
            near.insert(near.end(), {word + "x", word + " ", " " + word});
        }
        if (allowed.size() > 1) {
            near.push_back(allowed[0] + " " + allowed[1]);
        }
        return near;
    }
};

inline Expected text(std::string name, int64_t min, std::optional<int64_t> max) {
    return {std::move(name), Expected::Kind::text, min, max};
}
inline Expected integer(std::string name, std::optional<int64_t> min = {},
                        std::optional<int64_t> max = {}) {
    return {std::move(name), Expected::Kind::integer, min, max};
}
inline Expected of_kind(Expected::Kind kind, std::string name) {
    return {std::move(name), kind};
}
// A field that accepts one of these words, and no word of other contracts.
inline Expected words(std::string name, std::string_view allowed) {
    Expected row{std::move(name), Expected::Kind::words};
    row.allowed = split(allowed);
    row.beyond = row.nearly_allowed();
    std::vector<std::string> others = words_of_all(row.name);
    for (const std::string &word : row.allowed) {
        others.insert(others.end(), {word.substr(1), word.substr(0, word.size() - 1)});
    }
    for (const std::string &word : others) {
        if (std::find(row.allowed.begin(), row.allowed.end(), word) == row.allowed.end()) {
            row.beyond.push_back(word);
        }
    }
    return row;
}
// Texts of a form, of which these are examples.
inline Expected form(std::string name, std::string_view allowed, std::string_view beyond) {
    Expected row{std::move(name), Expected::Kind::words};
    row.allowed = split(allowed);
    row.beyond = row.nearly_allowed();
    for (const std::string &word : split(beyond)) {
        row.beyond.push_back(word);
    }
    return row;
}

}  // namespace gateway

#include "core/providers/model_path.h"

#include <utility>

namespace gateway {

namespace {

bool is_plain(char c) {
    constexpr std::string_view kPlain = "-._~@:";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kPlain.find(c) != std::string_view::npos;
}

void append_part(std::string &path, std::string_view part) {
    constexpr const char *kDigits = "0123456789ABCDEF";
    for (const char c : part) {
        if (is_plain(c)) {
            path += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        path += '%';
        path += kDigits[byte >> 4];
        path += kDigits[byte & 15];
    }
}

bool leads_down(std::string_view part) {
    return !part.empty() && part != "." && part != "..";
}

}  // namespace

std::optional<std::string> segment_of_model(std::string_view model) {
    std::string segment;
    append_part(segment, model);
    return leads_down(model) ? std::optional(std::move(segment)) : std::nullopt;
}

std::optional<std::string> path_of_model(std::string_view model) {
    std::string path;
    for (;;) {
        const size_t end = model.find('/');
        const std::string_view part = model.substr(0, end);
        if (!leads_down(part)) {
            return std::nullopt;
        }
        append_part(path, part);
        if (end == std::string_view::npos) {
            return path;
        }
        path += '/';
        model.remove_prefix(end + 1);
    }
}

LocalWork no_such_model(std::string_view model) {
    std::string message = "the model name '" + std::string(model) +
                          "' is not valid: it has an empty part, '.' or '..'";
    LocalWork work;
    work.make = [message = std::move(message)] {
        Outcome outcome;
        outcome.type = OutcomeType::not_here;
        outcome.error.code = "model_not_found";
        outcome.error.message = message;
        return outcome;
    };
    return work;
}

}  // namespace gateway

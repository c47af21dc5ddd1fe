#include "core/outcome.h"

#include <array>

namespace gateway {

namespace {

constexpr std::array<std::string_view, 11> kNames = {
    "made",         "pending",   "refused_by_policy", "callers_fault", "our_credentials",
    "out_of_quota", "throttled", "not_here",          "broken",        "unknown",
    "too_late",
};

}  // namespace

std::string_view name_of(OutcomeType type) {
    return kNames[static_cast<size_t>(type)];
}

std::optional<OutcomeType> outcome_named(std::string_view name) {
    for (size_t i = 0; i < kNames.size(); ++i) {
        if (kNames[i] == name) {
            return static_cast<OutcomeType>(i);
        }
    }
    return std::nullopt;
}

Usage &Usage::operator+=(const Usage &other) {
    const auto add = [](std::optional<int64_t> &to, const std::optional<int64_t> &more) {
        to = to && more ? std::optional(*to + *more) : std::nullopt;
    };
    input_tokens += other.input_tokens;
    input_text_tokens += other.input_text_tokens;
    input_image_tokens += other.input_image_tokens;
    output_tokens += other.output_tokens;
    add(output_text_tokens, other.output_text_tokens);
    add(output_image_tokens, other.output_image_tokens);
    total_tokens += other.total_tokens;
    return *this;
}

bool may_be_billed(OutcomeType type) {
    return type == OutcomeType::unknown || type == OutcomeType::too_late;
}

bool concerns_one_request(OutcomeType type) {
    return type == OutcomeType::refused_by_policy || type == OutcomeType::callers_fault ||
           type == OutcomeType::not_here;
}

std::string_view name_of(ImageFormat format) {
    switch (format) {
        case ImageFormat::png: return "png";
        case ImageFormat::jpeg: return "jpeg";
        case ImageFormat::webp: return "webp";
        case ImageFormat::gif: return "gif";
        case ImageFormat::avif: return "avif";
        case ImageFormat::heic: return "heic";
        case ImageFormat::unknown: break;
    }
    return "";
}

std::string_view name_of(Provenance provenance) {
    switch (provenance) {
        case Provenance::c2pa: return "c2pa";
        case Provenance::c2pa_lost: return "c2pa_lost";
        case Provenance::none: break;
    }
    return "";
}

}  // namespace gateway

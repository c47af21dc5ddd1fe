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

bool may_be_billed(OutcomeType type) {
    return type == OutcomeType::unknown || type == OutcomeType::too_late;
}

std::string_view name_of(ImageFormat format) {
    switch (format) {
        case ImageFormat::png: return "png";
        case ImageFormat::jpeg: return "jpeg";
        case ImageFormat::webp: return "webp";
        case ImageFormat::gif: return "gif";
        case ImageFormat::unknown: break;
    }
    return "";
}

}  // namespace gateway

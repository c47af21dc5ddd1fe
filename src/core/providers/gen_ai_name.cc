#include "core/providers/gen_ai_name.h"

#include <utility>

#include "core/providers/dialect.h"

namespace gateway {

namespace {

constexpr std::pair<std::string_view, std::string_view> kGenAiNames[] = {
    {"azure-openai", "azure.ai.openai"},
    {"google-gemini", "gcp.gemini"},
    {"xai", "x_ai"},
};

}  // namespace

std::string_view gen_ai_name_of(const Provider &provider) {
    const std::string_view api = provider.dialect->name();
    for (const auto &[name, theirs] : kGenAiNames) {
        if (name == api) {
            return theirs;
        }
    }
    return api;
}

}  // namespace gateway

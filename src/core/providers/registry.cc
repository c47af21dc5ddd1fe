#include <algorithm>

#include "core/providers/automatic1111.h"
#include "core/providers/cloudflare.h"
#include "core/providers/black_forest_labs.h"
#include "core/providers/dialect.h"
#include "core/providers/huggingface.h"
#include "core/providers/fal.h"
#include "core/providers/google_gemini.h"
#include "core/providers/openai.h"
#include "core/providers/replicate.h"
#include "core/providers/sandbox.h"
#include "core/providers/stability.h"

namespace gateway {

std::span<const Dialect *const> dialects() {
    static const Automatic1111 automatic1111;
    static const CloudflareWorkersAi cloudflare_workers_ai;
    static const HuggingFace huggingface;
    static const OpenAi openai;
    static const Sandbox sandbox;
    static const Stability stability;
    static constexpr const Dialect *kAll[] = {
        &automatic1111, &cloudflare_workers_ai, &huggingface, &openai, &sandbox, &stability};
    static const BlackForestLabs black_forest_labs;
    static const OpenAi openai;
    static const Replicate replicate;
    static const Sandbox sandbox;
    static constexpr const Dialect *kAll[] = {&black_forest_labs, &openai, &replicate, &sandbox};
    static const Fal fal;
    static const FalRun fal_run;
    static const GoogleGemini google_gemini;
    static const OpenAi openai;
    static const Sandbox sandbox;
    static constexpr const Dialect *kAll[] = {&fal, &fal_run, &google_gemini, &openai, &sandbox};
    return kAll;
}

const Dialect *dialect_named(std::string_view name) {
    const auto all = dialects();
    const auto found = std::find_if(
        all.begin(), all.end(), [=](const Dialect *dialect) { return dialect->name() == name; });
    return found == all.end() ? nullptr : *found;
}

}  // namespace gateway

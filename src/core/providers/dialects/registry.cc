#include <algorithm>
#include <vector>

#include "core/providers/dialect.h"
#include "core/providers/dialects/automatic1111.h"
#include "core/providers/dialects/black_forest_labs.h"
#include "core/providers/dialects/cloudflare.h"
#include "core/providers/dialects/fal.h"
#include "core/providers/dialects/google_gemini.h"
#include "core/providers/dialects/huggingface.h"
#include "core/providers/dialects/openai.h"
#include "core/providers/dialects/replicate.h"
#include "core/providers/dialects/sandbox.h"
#include "core/providers/dialects/stability.h"

namespace gateway {

namespace {

std::vector<const Dialect *> all_dialects() {
    static const Sandbox sandbox;
    static const std::vector<OpenAi> openai_like(openai_variants().begin(),
                                                 openai_variants().end());
    static const GoogleGemini google_gemini;
    static const BlackForestLabs black_forest_labs;
    static const Replicate replicate;
    static const Fal fal;
    static const FalRun fal_run;
    static const Stability stability;
    static const HuggingFace huggingface;
    static const CloudflareWorkersAi cloudflare_workers_ai;
    static const Automatic1111 automatic1111;
    std::vector<const Dialect *> all = {&sandbox};
    for (const OpenAi &dialect : openai_like) {
        all.push_back(&dialect);
    }
    all.insert(all.end(), {&google_gemini, &black_forest_labs, &replicate, &fal, &fal_run,
                           &stability, &huggingface, &cloudflare_workers_ai, &automatic1111});
    return all;
}

}  // namespace

std::span<const Dialect *const> dialects() {
    static const std::vector<const Dialect *> all = all_dialects();
    return all;
}

const Dialect *dialect_named(std::string_view name) {
    const auto all = dialects();
    const auto found = std::find_if(
        all.begin(), all.end(), [=](const Dialect *dialect) { return dialect->name() == name; });
    return found == all.end() ? nullptr : *found;
}

}  // namespace gateway

// What it costs to understand a request: decoding, validation and fitting; and how little a hostile
// body gets.
// t/bench/core.py builds it, runs it and knows what it may take.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "core/catalog/catalog.h"
#include "core/catalog/fit.h"
#include "core/request/decode.h"

namespace gateway {
namespace {

const Catalogue &catalogue() {
    static const Catalogue read = *Catalogue::read(Catalogue::built_in());
    return read;
}

void understand(benchmark::State &state, const std::string &body, std::string_view api,
                std::string_view model) {
    const UnknownFields unknown;
    const Contract contract{unified_profile(), unknown};
    for ([[maybe_unused]] auto turn : state) {
        auto request = decode_request(body, contract);
        if (!request) {
            state.SkipWithError(request.error().message.c_str());
            return;
        }
        auto fitted = fit(request->params, *catalogue().find("", api, model), FitMode::adapt);
        benchmark::DoNotOptimize(fitted);
    }
}

const char *const kTypical =
    R"({"model":"auto","prompt":"A watercolour of a red kite above dunes at dusk, long shadows, )"
    R"(soft light, a single figure far away by the sea","n":1,"size":"1536x1024","quality":"high",)"
    R"("output_format":"jpeg","output_compression":85,"user":"customer-4711"})";

void Typical(benchmark::State &state) {
    understand(state, kTypical, "openai", "gpt-image-2");
}
BENCHMARK(Typical);

void Adapted(benchmark::State &state) {
    understand(state,
               R"({"prompt":"A red kite above dunes","aspect_ratio":"16:9","resolution":"2K",)"
               R"("quality":"hd","style":"vivid","seed":7,"unknown":[1,2,3]})",
               "openai", "gpt-image-2");
}
BENCHMARK(Adapted);

// Bodies of about a megabyte, each made to be as dear as can be; all are refused.
void hostile(benchmark::State &state, const std::string &body) {
    const UnknownFields unknown;
    const Contract contract{unified_profile(), unknown};
    for ([[maybe_unused]] auto turn : state) {
        auto request = decode_request(body, contract);
        if (request &&
            fit(request->params, *catalogue().find("", "openai", "gpt-image-2"), FitMode::adapt)) {
            state.SkipWithError("it was taken");
            return;
        }
        benchmark::DoNotOptimize(request);
    }
    state.SetLabel(std::to_string(body.size()) + " bytes");
}

constexpr size_t kMegabyte = size_t{1024} * 1024;

std::string repeated(const std::string &head, const std::string &part, const std::string &tail) {
    std::string text = head;
    text.reserve(kMegabyte + part.size());
    while (text.size() + part.size() + tail.size() < kMegabyte) {
        text += part;
    }
    return text + tail;
}

void HostileLongPrompt(benchmark::State &state) {
    hostile(state, repeated(R"({"prompt":")", "kite ", "\"}"));
}
BENCHMARK(HostileLongPrompt);

void HostileWideCharacters(benchmark::State &state) {
    hostile(state, repeated(R"({"prompt":")", "\xF0\x9F\xAA\x81", "\"}"));
}
BENCHMARK(HostileWideCharacters);

void HostileEscapes(benchmark::State &state) {
    hostile(state, repeated(R"({"prompt":")", "\\u00e9", "\"}"));
}
BENCHMARK(HostileEscapes);

void HostileMostEscapes(benchmark::State &state) {
    std::string body = R"({"n":0,"prompt":")";
    for (int i = 0; i < 79'999; ++i) {
        body += "\\u00e9";
    }
    hostile(state, repeated(body, "kite ", "\"}"));
}
BENCHMARK(HostileMostEscapes);

void HostileManyFields(benchmark::State &state) {
    std::string body = "{";
    for (int i = 0; body.size() < kMegabyte; ++i) {
        body += "\"field" + std::to_string(i) + "\":1,";
    }
    hostile(state, body + R"("n":0})");
}
BENCHMARK(HostileManyFields);

void HostileLongNames(benchmark::State &state) {
    std::string body = "{";
    for (int i = 0; i < 250; ++i) {
        body += "\"" + std::string(4000, 'x') + std::to_string(i) + "\":1,";
    }
    hostile(state, body + R"("n":0})");
}
BENCHMARK(HostileLongNames);

void HostileDeepArrays(benchmark::State &state) {
    hostile(state, std::string(kMegabyte, '['));
}
BENCHMARK(HostileDeepArrays);

void HostileWideArray(benchmark::State &state) {
    hostile(state, repeated(R"({"n":0,"fallbacks":[)", "1,", "1]}"));
}
BENCHMARK(HostileWideArray);

void HostileNumber(benchmark::State &state) {
    hostile(state, repeated(R"({"prompt":"a","seed":)", "9", "}"));
}
BENCHMARK(HostileNumber);

void HostileSpaces(benchmark::State &state) {
    hostile(state, repeated("{", " ", "\"n\":0}"));
}
BENCHMARK(HostileSpaces);

}  // namespace
}  // namespace gateway

BENCHMARK_MAIN();

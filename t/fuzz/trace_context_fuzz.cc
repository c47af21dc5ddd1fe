// The first line is a traceparent, the rest a tracestate.
#include "core/tracing/trace.h"

#include <algorithm>
#include <string>

#include "fuzz.h"

namespace gateway {
namespace {

class NoRandom final : public Random {
 public:
    void fill(std::span<uint8_t> bytes) override { std::fill(bytes.begin(), bytes.end(), 7); }
};

// Neither can end a header.
bool is_plain(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void run(Input input) {
    const std::string_view text = input.rest();
    const size_t end = text.find('\n');
    const std::string_view traceparent = text.substr(0, end);
    const std::string_view tracestate = end == text.npos ? "" : text.substr(end + 1);
    if (const auto parent = read_traceparent(traceparent)) {
        const std::string written = write_traceparent(*parent);
        promise(written.size() == 55 && is_plain(written), "a header", text);
        promise(read_traceparent(written) == parent, "what was written is read", text);
        promise(traceparent.substr(2, 51) == std::string_view(written).substr(2, 51),
                "the ids stay the same", text);
    }
    const std::string state = read_tracestate(tracestate);
    promise(state.size() <= kTraceStateRoom && is_plain(state), "a header", text);
    promise(read_tracestate(state) == state, "what was written is read", text);
    NoRandom random;
    IncomingTrace incoming;
    incoming.traceparent = traceparent;
    incoming.tracestate = tracestate;
    incoming.otel_span = tracestate.substr(0, 16);
    for (const bool exports : {false, true}) {
        const auto trace = begin_trace(incoming, exports, random);
        promise(trace || !exports, "a trace to export", text);
        for (const TraceMode mode : {TraceMode::off, TraceMode::parent, TraceMode::on}) {
            const AttemptTrace attempt = begin_attempt(trace ? &*trace : nullptr, mode, random);
            promise(is_plain(attempt.traceparent) && is_plain(attempt.tracestate), "headers", text);
            promise(mode != TraceMode::off || attempt.traceparent.empty(), "off is off", text);
            promise(!attempt.traceparent.empty() || attempt.tracestate.empty(),
                    "no state without a parent", text);
        }
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}

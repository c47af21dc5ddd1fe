// What a dialect makes of any reply: see dialect_fuzz.h.
#include "core/providers/openai.h"

#include "dialect_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    for (const gateway::OpenAiWire &wire : gateway::openai_wires()) {
        gateway::read_and_tell(gateway::OpenAi(wire), gateway::reply_of({data, size}));
    }
    return 0;
}

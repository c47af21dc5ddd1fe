// What a dialect makes of any response: see dialect_fuzz.h.
#include "core/providers/dialects/stability.h"

#include "dialect_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::read_and_tell(gateway::Stability(), gateway::response_of({data, size}, true));
    return 0;
}

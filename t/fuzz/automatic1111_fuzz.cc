// What a dialect makes of any response: see dialect_fuzz.h.
#include "core/providers/dialects/automatic1111.h"

#include "dialect_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::read_and_tell(gateway::Automatic1111(), gateway::response_of({data, size}));
    return 0;
}

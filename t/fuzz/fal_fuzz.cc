// What fal's dialects make of any response: to a submit, of a job, and its result. See
// dialect_fuzz.h.
#include "core/providers/dialects/fal.h"

#include "dialect_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const gateway::HttpResponse response = gateway::response_of({data, size});
    gateway::read_and_tell(gateway::FalRun(), response);
    gateway::read_and_tell(gateway::Fal(), response);
    return 0;
}

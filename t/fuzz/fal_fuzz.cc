// What fal's dialects make of any reply: to a submit, of a job, and its result. See dialect_fuzz.h.
#include "core/providers/dialects/fal.h"

#include "dialect_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const gateway::HttpReply reply = gateway::reply_of({data, size});
    gateway::read_and_tell(gateway::FalRun(), reply);
    gateway::read_and_tell(gateway::Fal(), reply);
    return 0;
}

// Any reply of a provider, to a submit and to a poll.
#include "core/providers/replicate.h"

#include "replies.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::promise_job(gateway::Replicate(), gateway::any_reply({data, size}));
    return 0;
}

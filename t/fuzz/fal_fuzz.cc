// Any reply, read as each of those that fal gives: at once, to a submit, of a job, and its result.
#include "core/providers/fal.h"

#include "reply_fuzz.h"

namespace gateway {
namespace {

void run(const HttpReply &reply) {
    tell(reply, FalRun().read(reply));
    const Fal queue;
    const Outcome submitted = queue.read(reply);
    promise(submitted.type != OutcomeType::made, "a submit makes nothing");
    promise(submitted.type != OutcomeType::pending || !submitted.job.poll_url.empty(),
            "a job has an address");
    tell(reply, submitted);
    const auto document =
        JsonDocument::read(reply.body.outline, kProvidersJson, &reply.body.strings);
    const JsonValue root = document ? document->root() : JsonValue();
    const auto state = state_of(root, *queue.polling());
    tell(reply, queue.read_job(reply, root, OutcomeType::made));
    if (state && *state != OutcomeType::pending && *state != OutcomeType::made) {
        tell(reply, queue.read_job(reply, root, *state));
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(gateway::reply_of({data, size}));
    return 0;
}

// Any reply, read as Gemini's.
#include "core/providers/google_gemini.h"

#include "reply_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const gateway::HttpReply reply = gateway::reply_of({data, size});
    gateway::tell(reply, gateway::GoogleGemini().read(reply));
    return 0;
}

// What a dialect makes of any response (see dialect_fuzz.h), and of any event of a stream.
#include "core/providers/dialects/openai.h"

#include "dialect_fuzz.h"

namespace gateway {
namespace {

void read_event_and_tell(const Dialect &dialect, const LiftedText &data) {
    StreamUpdate news = dialect.read_event({"", data});
    for (const std::string_view form : {"url", "b64_json"}) {
        if (const auto *preview = std::get_if<Preview>(&news)) {
            promise(!preview->image.content.empty(), "a preview shows something");
            promise_json(write_partial(*preview, {}, form).copy(), "a preview is JSON");
        }
        if (const auto *made = std::get_if<ImageResult>(&news)) {
            for (size_t place = 0; place < made->images.size(); ++place) {
                promise_json(write_completed(*made, place, {}, form, true).copy(),
                             "an image is JSON");
            }
        }
    }
    if (const auto *failure = std::get_if<Outcome>(&news)) {
        promise(failure->type != OutcomeType::made, "a failure is one");
        tell_error(*failure);
    }
}

void run(const uint8_t *data, size_t size) {
    for (const OpenAiVariant &variant : openai_variants()) {
        const OpenAi dialect(variant);
        const HttpResponse response = response_of({data, size});
        read_and_tell(dialect, response);
        read_event_and_tell(dialect, response.body);
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(data, size);
    return 0;
}

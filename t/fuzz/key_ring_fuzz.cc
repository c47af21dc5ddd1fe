// Any text as a keys.json: a sentence about what is wrong, or keys that can be asked.
#include "core/access/key_ring.h"

#include "core/access/identify.h"
#include "fuzz.h"

namespace gateway {
namespace {

void run(std::string_view text) {
    const auto ring = KeyRing::read(text);
    if (!ring) {
        promise(!ring.error().empty(), "a mistake is told");
        return;
    }
    promise((*ring)->find("a secret that no hash was made of") == nullptr, "strangers are unknown");
    const Key *key = (*ring)->find("sk-bf-test");  // its hash is in the corpus
    if (key == nullptr) {
        return;
    }
    promise(!key->id.empty() && key->id.size() <= 64, "an id is of sane length");
    promise(key->may_use("auto") || !key->models.empty(), "no patterns allow every model");
    RequestHead head;
    head.credentials = {"sk-bf-test"};
    const auto caller = identify(head, AuthMode::required, {*ring}, 1'800'000'000);
    promise(
        caller.has_value() == (!key->disabled && key->expires.value_or(INT64_MAX) > 1'800'000'000),
        "a key opens until it expires or is disabled");
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(gateway::Input(data, size).rest());
    return 0;
}

// Any text as a token, and as the claims of one: it is refused with a reason, or says what it may.
#include "core/access/jwt.h"
#include "fuzz.h"

namespace gateway {
namespace {

constexpr int64_t kNow = 1'300'819'000;

// RFC 7515, A.1: its token is in the corpus.
const char *const kKeys =
    R"({"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4)"
    R"(hcgUuTwjAzZr1Z9CAow"},{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPc)"
    R"(HURo"}]})";
constexpr std::string_view kToken =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6"
    "Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

void check_token(std::string_view text) {
    JwtRules rules;
    rules.key_claim = "iss";
    auto source = std::make_shared<KeySource>();
    source->keys = *KeySet::read(kKeys, KeySet::Origin::file);
    JwtVerifier verifier(rules, source);
    const auto bearer = verifier.verify(text, kNow);
    promise(bearer.has_value() == (text == kToken), "nobody can sign what they were not given");
    promise(bearer || (bearer.error().status == 401 && !bearer.error().message.empty()),
            "a refusal is told");
    promise(verifier.verify(text, kNow).has_value() == bearer.has_value(), "nor the second time");
    promise(read_jws(text).has_value() <= looks_like_jws(text), "what is a token looks like one");
}

void check_claims(std::string_view text) {
    JwtRules rules;
    rules.audiences = {"images"};
    rules.admin_claim = "a.b";
    rules.admin_value = "c";
    const auto bearer = read_claims(std::string(text), rules, kNow);
    if (bearer) {
        promise(bearer->expires > kNow, "who is let in is so until an end");
        promise(bearer->admin || !bearer->key_id.empty(), "and is somebody");
        promise(bearer->key_id.size() <= 64, "with an id of sane length");
        promise(text.find("images") != text.npos, "and is meant to be here");
    } else {
        promise(bearer.error().status == 401, "a refusal is told");
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text = gateway::Input(data, size).rest();
    gateway::check_token(text);
    gateway::check_claims(text);
    return 0;
}

// Any text as a key set: a sentence about what is wrong, or keys that verify what they should.
#include "core/access/key_set.h"
#include "fuzz.h"

namespace gateway {
namespace {

constexpr const char *kToken =
    "eyJhbGciOiJFUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    "."
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
constexpr std::string_view kX = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";

void run(std::string_view text) {
    const auto from_file = KeySet::read(text, KeySet::Origin::file);
    const auto from_address = KeySet::read(text, KeySet::Origin::address);
    promise(from_file.has_value() >= from_address.has_value(), "an address may hand out less");
    if (!from_file) {
        promise(!from_file.error().empty(), "a mistake is told");
        return;
    }
    const Jws jws = *read_jws(kToken);
    const bool good = (*from_file)->verify(jws) == KeySet::Verdict::good;
    // Written with escapes it would be the same key, and is not found by its text.
    promise(!good || text.find(kX) != text.npos || text.find('\\') != text.npos,
            "only the key that signed it verifies it");
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run(gateway::Input(data, size).rest());
    return 0;
}

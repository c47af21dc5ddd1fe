// The first bytes choose the slices, and whether the file is made longer than we look, and with
// what; the rest is the file.
#include "core/images/inspect.h"

#include <algorithm>
#include <optional>
#include <string>

#include "core/bytes/base64.h"
#include "fuzz.h"
#include "pieces.h"

namespace gateway {
namespace {

Bytes in_slices(std::string_view text, size_t size) {
    Bytes bytes;
    for (; !text.empty(); text.remove_prefix(std::min(size, text.size()))) {
        bytes.append(std::string(text.substr(0, size)));
    }
    return bytes;
}

void promise_same(const std::optional<ImageFacts> &a, const std::optional<ImageFacts> &b,
                  const char *what) {
    promise(a.has_value() == b.has_value(), what);
    if (a) {
        promise(a->format == b->format && a->width == b->width && a->height == b->height &&
                    a->bytes == b->bytes,
                what);
    }
}

void promise_possible(const std::optional<ImageFacts> &facts, size_t bytes) {
    if (!facts) {
        return;
    }
    promise(facts->format != ImageFormat::unknown, "an image has a format");
    promise(facts->bytes == bytes, "the file's size is right");
    if (facts->width == 0 || facts->height == 0) {
        promise(facts->width == facts->height, "both sides are known, or neither is");
        promise(facts->format == ImageFormat::jpeg && bytes > kMaxInspected,
                "only that of a long JPEG is not found");
    }
    promise(facts->width >= 0 && facts->height >= 0, "no side is negative");
}

// More of the same, so that a JPEG's segments go on to where we look no further.
std::string lengthened(std::string_view file, size_t repeated) {
    std::string longer(file);
    const std::string tail(file.substr(file.size() - std::min(repeated, file.size())));
    while (!tail.empty() && longer.size() < kMaxInspected + 1000) {
        longer += tail;
    }
    return longer;
}

void promise_limit(const std::string &file) {
    std::string text = encode_base64(file);
    const auto facts = inspect(Bytes::own(text));
    promise_possible(facts, file.size());
    const size_t limit = kMaxInspected / 3 * 4 + 4;
    const size_t end = std::min(text.find('='), text.size());
    if (end > limit) {
        text.replace(limit, end - limit, end - limit, '!');
        promise_same(facts, inspect(Bytes::own(text)), "nothing behind the limit is decoded");
    }
}

void run(Input input) {
    const size_t slice = 1 + size_t{input.byte()};
    const size_t repeated = input.byte();
    const std::string_view file = input.rest();

    (void)inspect(Bytes::own(std::string(file)));  // as text, which it hardly ever is
    const std::string text = encode_base64(file);
    const auto facts = inspect(Bytes::own(text));
    promise_possible(facts, file.size());
    promise_same(facts, inspect(in_slices(text, slice)), "slices make no difference");
    promise_same(facts, inspect(in_slices(with_escaped_slashes(text), slice)), "nor do escapes");
    // Rarely, for it takes long.
    if (repeated % 16 == 15 && !file.empty()) {
        promise_limit(lengthened(file, repeated));
    }
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}

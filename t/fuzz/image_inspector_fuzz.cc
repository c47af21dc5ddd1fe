// The first bytes choose the pieces; the rest is the file. However a file is cut, as bytes or as
// base64, its facts are the same and possible.
#include "core/images/image_inspector.h"

#include <algorithm>
#include <optional>
#include <string>

#include "core/bytes/base64.h"
#include "core/images/base64_inspector.h"
#include "fuzz.h"
#include "pieces.h"

namespace gateway {
namespace {

template <typename Inspector>
std::optional<ImageFacts> inspect_pieces(std::string_view file, size_t first, size_t size) {
    Inspector inspector;
    inspector.feed(file.substr(0, first));
    file.remove_prefix(std::min(first, file.size()));
    for (; !file.empty(); file.remove_prefix(std::min(size, file.size()))) {
        inspector.feed(file.substr(0, size));
    }
    return inspector.finish();
}

void promise_same(const std::optional<ImageFacts> &a, const std::optional<ImageFacts> &b,
                  const char *what) {
    promise(a.has_value() == b.has_value(), what);
    if (a) {
        promise(a->format == b->format && a->width == b->width && a->height == b->height &&
                    a->bytes == b->bytes && a->whole == b->whole &&
                    a->orientation == b->orientation && a->has_alpha == b->has_alpha &&
                    a->is_animated == b->is_animated && a->has_credentials == b->has_credentials,
                what);
    }
}

void run(Input input) {
    const size_t first = input.byte();
    const size_t size = 1 + size_t{input.byte()};
    const std::string_view file = input.rest();

    const auto facts = inspect_pieces<ImageInspector>(file, file.size(), 1);
    if (facts) {
        promise(facts->format != ImageFormat::unknown, "an image has a format");
        promise(facts->width > 0 && facts->height > 0, "it has a size");
        promise(facts->bytes == file.size(), "the file's size is right");
        promise(facts->orientation >= 1 && facts->orientation <= 8, "there are 8 orientations");
    }
    promise_same(facts, inspect_pieces<ImageInspector>(file, first, size), "pieces of bytes");
    const std::string text = encode_base64(file);
    promise_same(facts, inspect_pieces<Base64Inspector>(text, first, size), "pieces of base64");
    promise_same(facts, inspect_pieces<Base64Inspector>(with_escaped_slashes(text), size, size),
                 "base64 with escapes");
}

}  // namespace
}  // namespace gateway

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gateway::run({data, size});
    return 0;
}

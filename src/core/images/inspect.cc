#include "core/images/inspect.h"

namespace gateway {

std::optional<ImageFacts> inspect(const Bytes &base64) {
    Base64Inspector inspector;
    for (const Slice &slice : base64.slices()) {
        inspector.feed(slice.text);
        if (inspector.is_no_image()) {
            return std::nullopt;  // before measuring the whole text
        }
    }
    return inspector.finish();
}

}  // namespace gateway

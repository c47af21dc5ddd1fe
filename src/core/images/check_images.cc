#include "core/images/check_images.h"

#include <algorithm>
#include <utility>

#include "core/images/inspect.h"

namespace gateway {

void set_facts(Image &image, const ImageFacts &facts) {
    image.format = facts.format;
    image.width = facts.width;
    image.height = facts.height;
    image.bytes = facts.bytes;
    image.provenance = facts.has_credentials ? Provenance::c2pa : Provenance::none;
}

bool read_facts(Image &image, ImagePart part) {
    const auto facts = inspect(image.content);
    if (!facts || (part == ImagePart::whole && !facts->whole)) {
        return false;
    }
    set_facts(image, *facts);
    return true;
}

void check_images(Outcome &outcome, int64_t requested, ImagePart part) {
    if (outcome.type != OutcomeType::made) {
        return;
    }
    std::vector<Image> &images = outcome.result.images;
    const auto max = static_cast<size_t>(std::max<int64_t>(1, requested));
    size_t kept = 0;
    size_t seen = 0;
    for (; seen < images.size() && kept < max; ++seen) {
        Image &image = images[seen];
        if (image.form == Image::Form::base64 && seen >= outcome.result.given &&
            !read_facts(image, part)) {
            continue;
        }
        if (kept != seen) {
            images[kept] = std::move(image);
        }
        ++kept;
    }
    outcome.result.left_out = images.size() - seen;
    images.resize(kept);
    if (images.empty()) {
        outcome.type = OutcomeType::unknown;
        outcome.error.status = 200;
        outcome.error.code = "unreadable_answer";
        outcome.error.message =
            "the response has bytes that are not an image, or only a part of one";
    }
}

}  // namespace gateway

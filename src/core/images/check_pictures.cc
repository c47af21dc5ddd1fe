#include "core/images/check_pictures.h"

#include "core/images/inspect.h"

namespace gateway {

bool read_facts(Image &image, PicturePart part) {
    const auto facts = inspect(image.content);
    if (!facts || (part == PicturePart::whole && !facts->whole)) {
        return false;
    }
    image.format = facts->format;
    image.width = facts->width;
    image.height = facts->height;
    image.bytes = facts->bytes;
    return true;
}

void check_pictures(Outcome &outcome, PicturePart part) {
    if (outcome.type != OutcomeType::made) {
        return;
    }
    std::erase_if(outcome.result.images, [part](Image &image) {
        return image.form == Image::Form::base64 && !image.told && !read_facts(image, part);
    });
    if (outcome.result.images.empty()) {
        outcome.type = OutcomeType::unknown;
        outcome.error.status = 200;
        outcome.error.code = "unreadable_answer";
        outcome.error.message = "the answer holds bytes that are no picture, or not a whole one";
    }
}

}  // namespace gateway

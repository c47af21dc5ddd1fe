#include "core/inputs/check_inputs.h"

#include <string>
#include <utility>

#include "core/request/geometry.h"

namespace gateway {

namespace {

class InputChecker {
 public:
    explicit InputChecker(const InputLimits &limits) : limits_(limits) {}

    bool check(const InputImage &image) {
        const size_t before = problems.size();
        const ImageFacts &facts = image.facts;
        if (!image.has_content()) {
            return false;  // the provider has it
        }
        if (image.content.size() > limits_.image_bytes) {
            add(image, "image_too_large",
                " has " + std::to_string(image.content.size()) + " bytes; at most " +
                    std::to_string(limits_.image_bytes) + " are allowed.");
        }
        if (facts.format == ImageFormat::unknown) {
            add(image, "unsupported_image_format",
                " is not an image of a known format (PNG, JPEG, WebP, GIF, AVIF or HEIC).");
        } else if (facts.width <= 0 || facts.height <= 0) {
            add(image, kInvalidImage, " is damaged: its size cannot be read.");
        } else if (!facts.whole) {
            add(image, kInvalidImage, " is not complete: its end is missing.");
        } else if (pixels_of(facts) > limits_.pixels) {
            add(image, "image_too_large",
                " has " + size_text(stored_size(facts)) + " pixels, which is " +
                    std::to_string(pixels_of(facts)) + "; at most " +
                    std::to_string(limits_.pixels) + " are allowed.");
        }
        return problems.size() == before;
    }

    void check_mask(const InputImage &mask, const InputImage &image) {
        if (mask.facts.format != ImageFormat::png) {
            add(mask, "unsupported_image_format",
                " must be a PNG image, not " + std::string(name_of(mask.facts.format)) + ".");
            return;
        }
        const Pixels size = shown_size(mask.facts);
        const Pixels shown = shown_size(image.facts);
        if (image.has_content() && size != shown && size != stored_size(image.facts)) {
            add(mask, "invalid_mask",
                " has " + size_text(size) + " pixels, but the first image has " + size_text(shown) +
                    ". Both must have the same size.");
        }
    }

    std::vector<Problem> problems;

 private:
    static uint64_t pixels_of(const ImageFacts &facts) {
        return static_cast<uint64_t>(facts.width) * static_cast<uint64_t>(facts.height);
    }
    void add(const InputImage &image, const char *code, std::string message) {
        problems.push_back({image.field, code, image.field + std::move(message)});
    }

    const InputLimits &limits_;
};

}  // namespace

std::vector<Problem> check_inputs(const InputImages &inputs, const InputLimits &limits) {
    InputChecker checker(limits);
    for (const InputImage &image : inputs.images) {
        checker.check(image);
    }
    if (inputs.mask && checker.check(*inputs.mask) && !inputs.images.empty()) {
        checker.check_mask(*inputs.mask, inputs.images.front());
    }
    return std::move(checker.problems);
}

}  // namespace gateway

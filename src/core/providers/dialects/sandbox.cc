#include "core/providers/dialects/sandbox.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes/base64.h"
#include "core/images/bytes_source.h"
#include "core/images/exact_mask.h"
#include "core/images/placeholder.h"
#include "core/inputs/content_ports.h"
#include "core/random.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

// All that drawing needs, as copies: it runs on another thread, and may outlive the request.
struct Drawing {
    int64_t width = 1024;
    int64_t height = 1024;
    int64_t count = 1;
    std::string prompt;
    std::string model;
    bool transparent = false;
    uint64_t seed = 0;
    // For an edit with a mask:
    Content input;
    Content mask;
};

Drawing read_drawing(const ProviderRequest &request) {
    Drawing drawing;
    if (const auto size = parse_size(request.params.text(Param::size))) {
        drawing.width = size->width;
        drawing.height = size->height;
    } else if (request.inputs.any()) {
        drawing.width = request.inputs.images.front().facts.width;
        drawing.height = request.inputs.images.front().facts.height;
    }
    if (request.inputs.mask != nullptr) {
        drawing.input = request.inputs.images.front().content;
        drawing.mask = request.inputs.mask->content;
    }
    drawing.count = request.params.integer(Param::n, 1);
    drawing.prompt = request.params.text(Param::prompt);
    drawing.model = request.model;
    drawing.transparent = request.params.text(Param::background) == "transparent";
    drawing.seed = request.params.has(Param::seed)
                       ? static_cast<uint64_t>(request.params.integer(Param::seed, 0))
                       : random_number(request.random) >> 11;  // exact as a double, for JSON
    return drawing;
}

Outcome failure(OutcomeType type) {
    Outcome outcome;
    outcome.type = type;
    outcome.error.code = "rehearsed_failure";
    outcome.error.message =
        "The sandbox was configured to fail: " + std::string(name_of(type)) + ".";
    return outcome;
}

// Collects a PNG in memory: the images of the sandbox are small.
class MemorySink final : public ByteSink {
 public:
    bool write(std::span<const uint8_t> bytes) override {
        text.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
        return true;
    }
    std::string text;
};

// Puts the placeholder into the area that the mask selects, and leaves the rest of the input image
// as it is. Without a mask, or if the input image is no PNG, the placeholder is the whole image.
std::string put_into_mask(const Drawing &drawing, std::string placeholder) {
    if (drawing.mask.empty() || placeholder.empty()) {
        return placeholder;
    }
    ContentSource original(drawing.input);
    ContentSource mask(drawing.mask);
    const Bytes drawn = Bytes::own(placeholder);
    BytesSource returned(drawn);
    MemorySink sink;
    const ExactResult result =
        apply_exact_mask({original, mask, returned}, {.feather = 0}, sink, nullptr);
    return result.outcome == ExactOutcome::applied ? std::move(sink.text) : std::move(placeholder);
}

// Without content if there is not enough memory.
Image draw_one(const Drawing &drawing, int64_t index, int64_t coarse) {
    const std::string png = put_into_mask(
        drawing, draw_placeholder(
                     {static_cast<int>(drawing.width), static_cast<int>(drawing.height),
                      drawing.prompt, drawing.model, static_cast<int>(index), drawing.transparent,
                      drawing.seed + static_cast<uint64_t>(index), static_cast<int>(coarse)}));
    Image image;
    image.index = index;
    image.content = png.empty() ? Bytes() : Bytes::own(encode_base64(png));
    image.format = ImageFormat::png;
    image.seed = static_cast<int64_t>(drawing.seed + static_cast<uint64_t>(index));
    return image;
}

ImageResult describe(const Drawing &drawing) {
    ImageResult result;
    result.size = std::to_string(drawing.width) + "x" + std::to_string(drawing.height);
    result.background = drawing.transparent ? "transparent" : "opaque";
    result.output_format = "png";
    return result;
}

Outcome draw(const Drawing &drawing) {
    Outcome outcome;
    outcome.type = OutcomeType::made;
    outcome.result = describe(drawing);
    for (int64_t index = 0; index < drawing.count; ++index) {
        Image image = draw_one(drawing, index, 0);
        if (image.content.empty()) {
            return failure(OutcomeType::broken);
        }
        outcome.result.images.push_back(std::move(image));
    }
    return outcome;
}

// Each preview has smaller squares than the one before.
std::vector<std::function<Preview()>> previews_of(const Drawing &drawing, int64_t partials) {
    std::vector<std::function<Preview()>> previews;
    for (int64_t index = 0; index < drawing.count; ++index) {
        for (int64_t number = 0; number < partials; ++number) {
            const int64_t coarse = std::max(drawing.width, drawing.height) >> (3 + number);
            previews.emplace_back([=] {
                return Preview{draw_one(drawing, index, std::max<int64_t>(2, coarse)), number,
                               describe(drawing)};
            });
        }
    }
    return previews;
}

}  // namespace

Work Sandbox::begin(const ProviderRequest &request) const {
    const auto &rehearsal = request.provider.rehearsal;
    LocalWork work;
    work.delay = random_time(rehearsal.shortest, rehearsal.longest, request.random);
    auto dice = static_cast<int>(random_number(request.random) % 100);
    for (const auto &row : rehearsal.failures) {
        dice -= row.percent;
        if (dice < 0) {
            work.make = [type = row.outcome] { return failure(type); };
            return work;
        }
    }
    Drawing drawing = read_drawing(request);
    if (request.params[Param::stream] == ParamValue(true)) {
        work.previews = previews_of(drawing, request.params.integer(Param::partial_images, 0));
    }
    work.make = [drawing = std::move(drawing)] { return draw(drawing); };
    return work;
}

Outcome Sandbox::read(const HttpResponse & /*response*/) const {
    return failure(OutcomeType::unknown);
}

}  // namespace gateway

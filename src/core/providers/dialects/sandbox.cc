#include "core/providers/dialects/sandbox.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/images/base64.h"
#include "core/images/placeholder.h"
#include "core/random.h"
#include "core/request/geometry.h"

namespace gateway {

namespace {

// All that drawing needs, owned: it happens on another thread, and the request may be gone by then.
struct Order {
    int64_t width = 1024;
    int64_t height = 1024;
    int64_t count = 1;
    std::string prompt;
    std::string model;
    bool transparent = false;
    uint64_t seed = 0;
};

Order read_order(const ProviderRequest &request) {
    Order order;
    if (const auto size = parse_size(request.params.text(Param::size))) {
        order.width = size->width;
        order.height = size->height;
    }
    order.count = request.params.integer(Param::n, 1);
    order.prompt = request.params.text(Param::prompt);
    order.model = request.model;
    order.transparent = request.params.text(Param::background) == "transparent";
    order.seed = request.params.has(Param::seed)
                     ? static_cast<uint64_t>(request.params.integer(Param::seed, 0))
                     : random_number(request.random) >> 11;  // exact in anybody's JSON
    return order;
}

Outcome failure(OutcomeType type) {
    Outcome outcome;
    outcome.type = type;
    outcome.error.code = "rehearsed_failure";
    outcome.error.message =
        "The sandbox was configured to fail: " + std::string(name_of(type)) + ".";
    return outcome;
}

// Without content if there is no memory for it.
Image draw_one(const Order &order, int64_t index, int64_t coarse) {
    const std::string png =
        draw_placeholder({static_cast<int>(order.width), static_cast<int>(order.height),
                          order.prompt, order.model, static_cast<int>(index), order.transparent,
                          order.seed + static_cast<uint64_t>(index), static_cast<int>(coarse)});
    Image image;
    image.index = index;
    image.content = png.empty() ? Bytes() : Bytes::own(encode_base64(png));
    image.format = ImageFormat::png;
    image.seed = static_cast<int64_t>(order.seed + static_cast<uint64_t>(index));
    return image;
}

ImageResult describe(const Order &order) {
    ImageResult result;
    result.size = std::to_string(order.width) + "x" + std::to_string(order.height);
    result.background = order.transparent ? "transparent" : "opaque";
    result.output_format = "png";
    return result;
}

Outcome draw(const Order &order) {
    Outcome outcome;
    outcome.type = OutcomeType::made;
    outcome.result = describe(order);
    for (int64_t index = 0; index < order.count; ++index) {
        Image image = draw_one(order, index, 0);
        if (image.content.empty()) {
            return failure(OutcomeType::broken);
        }
        outcome.result.images.push_back(std::move(image));
    }
    return outcome;
}

// Each in smaller squares than the one before.
std::vector<std::function<Preview()>> previews_of(const Order &order, int64_t partials) {
    std::vector<std::function<Preview()>> previews;
    for (int64_t index = 0; index < order.count; ++index) {
        for (int64_t number = 0; number < partials; ++number) {
            const int64_t coarse = std::max(order.width, order.height) >> (3 + number);
            previews.emplace_back([=] {
                return Preview{draw_one(order, index, std::max<int64_t>(2, coarse)), number,
                               describe(order)};
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
    Order order = read_order(request);
    if (request.params[Param::stream] == ParamValue(true)) {
        work.previews = previews_of(order, request.params.integer(Param::partial_images, 0));
    }
    work.make = [order = std::move(order)] { return draw(order); };
    return work;
}

Outcome Sandbox::read(const HttpResponse & /*response*/) const {
    return failure(OutcomeType::unknown);
}

}  // namespace gateway

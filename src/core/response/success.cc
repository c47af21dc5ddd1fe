#include "core/response/success.h"

#include "core/catalog/price.h"
#include "core/response/made.h"

namespace gateway {

Bytes write_success(const Success &success, AnswerFacts facts) {
    ImageResult &result = success.made.result;
    const Params &asked = success.request.params;
    const Fitted &fitted = success.prepared.fitted;
    take_truth(result);

    std::vector<Adjustment> adjustments = success.request.adjustments;
    const auto add = [&](const std::vector<Adjustment> &more) {
        adjustments.insert(adjustments.end(), more.begin(), more.end());
    };
    add(fitted.adjustments);
    add(list_differences(
        result, asked, fitted.params,
        success.problems == nullptr ? std::vector<PictureDelivery::Problem>() : *success.problems));
    facts.adjustments = &adjustments;

    const PricedCall call{fitted.params, success.prepared.images()};
    facts.cost = cost_of(result, call, *success.prepared.spec);
    facts.usage_counted = !result.usage;
    if (!result.usage) {
        result.usage = count_usage(result, call, *success.prepared.spec);
    }
    if (success.made.wire != nullptr && success.wishes.raw_request) {
        facts.raw_request = success.made.wire->request;
    }
    if (success.made.wire != nullptr && success.wishes.raw_response) {
        facts.raw_response = success.made.wire->response;
    }
    return write_images(result, facts, asked.text(Param::response_format));
}

}  // namespace gateway

#include "core/response/answer_form.h"

#include <algorithm>

namespace gateway {

DeliveryWish AnswerForm::wish_for(const Provider &provider) const {
    DeliveryWish wish;
    if (!format.empty()) {
        wish.form = format == "url" ? DeliveryWish::Form::links : DeliveryWish::Form::bytes;
    }
    wish.base_url = base_url;
    // Without an address of our own there are no links to us.
    wish.hosting = base_url.empty() ? nullptr : hosting;
    constexpr Milliseconds kLongest{60'000};
    wish.rules = fetch_rules;
    wish.timeouts = provider.timeouts;
    wish.timeouts.total = std::min(wish.timeouts.total, kLongest);
    wish.most = provider.answer_max != 0 ? provider.answer_max : answer_max;
    wish.memory = memory;
    wish.ca_file = provider.ca_file;
    return wish;
}

ApiError error_undelivered(const PictureDelivery::Problem &problem) {
    switch (problem.trouble) {
        case PictureDelivery::Trouble::store_full: return ApiError::of(507);
        case PictureDelivery::Trouble::not_kept:
            return ApiError::of(500, "picture_not_kept", "The picture could not be kept.");
        case PictureDelivery::Trouble::not_fetched: break;
    }
    return ApiError::of(
        502, "picture_not_fetched",
        "The picture was made, but its link could not be fetched: " + problem.why + ".");
}

}  // namespace gateway

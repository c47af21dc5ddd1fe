#include "core/making/image_form.h"

#include <algorithm>

namespace gateway {

namespace {

DeliveryWish::Form form_named(std::string_view format) {
    return format.empty()    ? DeliveryWish::Form::as_made
           : format == "url" ? DeliveryWish::Form::links
                             : DeliveryWish::Form::bytes;
}

}  // namespace

// Without a base URL the gateway cannot make links to itself.
const Hosting *ImageForm::usable_hosting() const {
    const bool has_links = hosting != nullptr && (hosting->bucket != nullptr || !base_url.empty());
    return has_links ? hosting.get() : nullptr;
}

bool ImageForm::changes(const Image &image) const {
    return changes_image(image, form_named(format), usable_hosting());
}

DeliveryWish ImageForm::wish_for(const Provider &provider, size_t answer_max,
                                 const std::shared_ptr<RequestMemory> &memory) const {
    DeliveryWish wish;
    wish.form = form_named(format);
    wish.base_url = base_url;
    wish.hosting = usable_hosting();
    constexpr Milliseconds kLongest{60'000};
    wish.rules = fetch_rules;
    wish.timeouts = provider.timeouts;
    wish.timeouts.total = std::min(wish.timeouts.total, kLongest);
    wish.max = provider.answer_max != 0 ? provider.answer_max : answer_max;
    wish.memory = memory;
    wish.ca_file = provider.ca_file;
    return wish;
}

ApiError error_undelivered(const ImageDelivery::Problem &problem) {
    switch (problem.trouble) {
        case ImageDelivery::Trouble::store_full: return ApiError::of(507);
        case ImageDelivery::Trouble::not_stored:
            return ApiError::of(500, "picture_not_kept",
                                "The image was made, but it could not be stored.");
        case ImageDelivery::Trouble::not_fetched: break;
    }
    return ApiError::of(
        502, "picture_not_fetched",
        "The image was made, but its link could not be fetched: " + problem.why + ".");
}

}  // namespace gateway

// The form in which the caller gets images, and what is needed to bring them into it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/api_error.h"
#include "core/making/delivery.h"
#include "core/providers/provider.h"

namespace gateway {

struct ImageForm {
    std::string_view format;  // "url", "b64_json", or empty: as the provider sends them
    bool only_so = false;     // an image in another form is an error
    std::shared_ptr<const Hosting> hosting;  // null: the gateway stores no images
    std::string base_url;                    // the beginning of links to the gateway
    std::shared_ptr<const FetchRules> fetch_rules;

    // Where images can be stored and linked to; null: nowhere.
    [[nodiscard]] const Hosting *usable_hosting() const;
    // Whether the image must be fetched or stored.
    [[nodiscard]] bool changes(const Image &image) const;
    [[nodiscard]] DeliveryWish wish_for(const Provider &provider, size_t answer_max,
                                        const std::shared_ptr<RequestMemory> &memory) const;
};

ApiError error_undelivered(const ImageDelivery::Problem &problem);

}  // namespace gateway

// In which form the caller is to get images, and what that takes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/api_error.h"
#include "core/making/delivery.h"
#include "core/providers/provider.h"

namespace gateway {

struct ImageForm {
    std::string_view format;                 // "url", "b64_json", or empty: as they were made
    bool only_so = false;                    // in another form they are refused
    std::shared_ptr<const Hosting> hosting;  // null: nothing is stored here
    std::string base_url;                    // what links to us begin with
    std::shared_ptr<const FetchRules> fetch_rules;

    // Whether the image must be fetched or stored.
    [[nodiscard]] bool changes(const Image &image) const;
    [[nodiscard]] DeliveryWish wish_for(const Provider &provider, size_t answer_max,
                                        const std::shared_ptr<RequestMemory> &memory) const;
};

ApiError error_undelivered(const ImageDelivery::Problem &problem);

}  // namespace gateway

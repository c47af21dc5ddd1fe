// In which form the caller is to get pictures, and what that takes.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/api_error.h"
#include "core/providers/provider.h"
#include "core/response/delivery.h"

namespace gateway {

struct AnswerForm {
    std::string_view format;           // "url", "b64_json", or empty: as they were made
    bool only_so = false;              // in another form they are none
    const Hosting *hosting = nullptr;  // null: nothing is kept here
    std::string base_url;              // what links to us begin with
    std::shared_ptr<const FetchRules> fetch_rules;
    size_t answer_max = 0;
    std::shared_ptr<RequestMemory> memory;

    [[nodiscard]] DeliveryWish wish_for(const Provider &provider) const;
};

ApiError error_undelivered(const PictureDelivery::Problem &problem);

}  // namespace gateway

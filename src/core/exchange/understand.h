// Step 3: from the body and the headers of a request to an order.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/exchange/policy.h"
#include "core/making/order.h"
#include "core/request/head.h"
#include "core/routing/model_map.h"

namespace gateway {

// What the decision depends on besides the body.
struct OrderSource {
    const ModelMap &models;
    const Policy &policy;
    const RequestHead &head;
    const Wishes &wishes;
};

// Fills in what is to be made, and how. On an error the order has the name of the requested model
// as far as it is known.
tl::expected<void, ApiError> understand(const OrderSource &source, std::string body, Order &order);

// Whether the reply to the order is a stream of events.
[[nodiscard]] bool is_stream(const Order &order);

}  // namespace gateway

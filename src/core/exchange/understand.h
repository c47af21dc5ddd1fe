// Step 3: turns the body and the headers of a request into an order.
#pragma once

#include <tl/expected.hpp>

#include "core/api_error.h"
#include "core/exchange/policy.h"
#include "core/inputs/read_body.h"
#include "core/making/order.h"
#include "core/request/head.h"
#include "core/routing/model_map.h"

namespace gateway {

// What the order depends on besides the body.
struct OrderSource {
    const ModelMap &models;
    const Policy &policy;
    const RequestHead &head;
    const Wishes &wishes;
};

// Fills in what to make and how to deliver it. Takes the text of the body. Also sets the requested
// model on an error, if the request names one.
tl::expected<void, ApiError> understand(const OrderSource &source, ReadBody &body, Order &order);

// Whether the reply to the order is a stream of events.
[[nodiscard]] bool is_stream(const Order &order);

}  // namespace gateway

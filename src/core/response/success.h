// Step 9, the last part: all that a success says, gathered from what was asked, sent and made.
#pragma once

#include <vector>

#include "core/outcome.h"
#include "core/request/head.h"
#include "core/response/answer.h"
#include "core/response/delivery.h"
#include "core/routing/prepare.h"

namespace gateway {

struct Success {
    const ImageRequest &request;
    const Prepared &prepared;
    Outcome &made;  // completed: what the provider did not tell is read from the bytes, or counted
    const Wishes &wishes;
    const std::vector<PictureDelivery::Problem> *problems;  // null: nothing was to be delivered
};

Bytes write_success(const Success &success, AnswerFacts facts);

}  // namespace gateway

// Step 9, the last part: all that a success says, gathered from what was asked, sent and made.
#pragma once

#include <string>
#include <vector>

#include "core/outcome.h"
#include "core/request/head.h"
#include "core/response/answer.h"
#include "core/response/delivery.h"
#include "core/response/event_stream.h"
#include "core/routing/execution.h"

namespace gateway {

// The images of all calls, each with its place; what the first of them says stands for all.
ImageResult gather(std::vector<MadeCall> &calls);

// What calls have cost and used, each by what it made itself.
struct Bill {
    Cost cost;
    Usage usage;
    bool counted = false;  // by us, because a provider told none
};
// `result` holds the images that gather() took from the calls. Each is given its part of the usage.
Bill bill_of(const Made &made, ImageResult &result);

struct Success {
    const ImageRequest &request;
    const Made &made;
    ImageResult &result;  // completed: what the provider did not tell is read from the bytes
    std::string_view response_form;  // "url", or bytes
    const Wishes &wishes;
    const Bill &bill;
    const std::vector<PictureDelivery::Problem> *problems;  // null: nothing was to be delivered
};

// What the caller must be told of pictures that were made with a request.
std::vector<Adjustment> adjustments_of(const ImageRequest &request, const Prepared &prepared,
                                       const ImageResult &result,
                                       const std::vector<PictureDelivery::Problem> &problems);

Bytes write_success(const Success &success, AnswerFacts facts);
// The same as the last events of a stream: of pictures that were not told yet.
Bytes write_success_events(const Success &success, AnswerFacts facts, EventCount &count);
// The rest of it, where the picture and what stands before it are written already.
Bytes write_success_after_picture(const Success &success, AnswerFacts facts, JsonWriter &out);

}  // namespace gateway

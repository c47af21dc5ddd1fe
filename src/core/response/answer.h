// Step 9: one shape for every answer and every error, whoever made it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/api_error.h"
#include "core/bytes/bytes.h"
#include "core/catalog/price.h"
#include "core/json/writer.h"
#include "core/making/result.h"
#include "core/outcome.h"
#include "core/request/image_request.h"
#include "core/request/operation.h"

namespace gateway {

// What goes to the client: all of it, or a part of a stream, whose first has the head.
struct Answer {
    int status = 200;
    std::string_view content_type = "application/json";
    std::vector<std::pair<std::string, std::string>> headers;
    Bytes body;
    bool goes_on = false;  // other parts come
    bool broken =
        false;  // this is the end, but not of a whole answer: so that nobody takes it for one
};

// All that the answer says besides the images.
struct AnswerFacts {
    std::string_view request_id;
    int64_t created = 0;
    std::string_view requested_model;
    const History *history = nullptr;  // null: nothing was tried, or it is told later
    const Maker *maker = nullptr;      // null: whoever was tried last
    const std::vector<Adjustment> *adjustments = nullptr;
    int64_t latency = 0;
    const OperationRow *operation = &row_of(Operation::generate);
    bool on_stream = false;
    int64_t chunk_index = 0;
    std::optional<bool> may_still_be_working;  // a provider; where no answer came in time
    std::optional<Cost> cost;
    bool billed = false;  // of an error: something was, or may have been
    // Of a success:
    bool usage_counted = false;    // by us, because the provider told none
    std::string_view raw_request;  // JSON, where it was asked for
    std::string_view raw_response;
};

Bytes write_images(const Result &result, const AnswerFacts &facts,
                   std::string_view response_format);

// The same of one image in base64 that is written elsewhere: what stands before it, and after it.
void write_before_image(JsonWriter &out, const AnswerFacts &facts);
void write_after_image(JsonWriter &out, const Result &result, const AnswerFacts &facts);

// The data of one event of a stream. `is_last`: with all that is told once.
Bytes write_completed(const ImageWords &words, const Image &image, const AnswerFacts &facts,
                      std::string_view response_format, bool is_last);
Bytes write_partial(const Preview &preview, const AnswerFacts &facts,
                    std::string_view response_format);
// As the clients of OpenAI raise on.
std::string write_error_event(const ApiError &error, const AnswerFacts &facts);

std::string write_error(const ApiError &error, const AnswerFacts &facts);

}  // namespace gateway

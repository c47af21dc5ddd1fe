// Step 9: writes replies and errors. They have one form for all providers.
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
#include "core/request/input_image.h"
#include "core/request/operation.h"

namespace gateway {

// A reply to the client, or a part of one. The first part has the status and the headers.
struct Answer {
    int status = 200;
    std::string_view content_type = "application/json";
    std::vector<std::pair<std::string_view, std::string>> headers;  // names that are constants
    Bytes body;
    bool goes_on = false;  // more parts follow
    bool broken = false;   // the reply ends here and is incomplete, which the client must notice
};

// How the cache took part in a reply.
struct CacheFacts {
    bool hit = false;
    std::string id;
    std::string_view requested_provider;  // of the candidate whose result it is
    std::string_view requested_model;
};

// What a reply says besides the images.
struct AnswerFacts {
    std::string_view request_id;
    int64_t created = 0;
    std::string_view requested_model;
    const History *history = nullptr;  // null: nothing was tried, or a later event has it
    const Maker *maker = nullptr;      // null: the provider and model of the last attempt
    const std::vector<Adjustment> *adjustments = nullptr;
    int64_t latency = 0;
    const OperationRow *operation = &row_of(Operation::generate);
    bool on_stream = false;
    int64_t chunk_index = 0;
    std::optional<bool> may_still_be_working;  // whether a provider may be; set after a timeout
    std::optional<Cost> cost;
    bool billed = false;            // of an error: an image was or may have been billed
    std::string_view was_billed;    // of a job that failed: "yes", "unknown" or "no"
    bool shared = false;            // another request made the images, and this one waited for them
    bool status_committed = false;  // the status was sent before the end was known
    const CacheFacts *cache = nullptr;  // null: no cache took part
    // On success:
    const InputImages *inputs = nullptr;  // null: none
    bool usage_counted = false;  // the gateway counted the tokens because the provider reports none
    std::string_view raw_request;  // JSON, if it was requested
    std::string_view raw_response;
};

Bytes write_images(const Result &result, const AnswerFacts &facts,
                   std::string_view response_format);

// The same for one image in base64 that is passed through: writes what comes before and after it.
void write_before_image(JsonWriter &out, const AnswerFacts &facts);
void write_after_image(JsonWriter &out, const Result &result, const AnswerFacts &facts);

// The data of one event of a stream. `is_last`: includes the totals.
Bytes write_completed(const ImageWords &words, const Image &image, const AnswerFacts &facts,
                      std::string_view response_format, bool is_last);
Bytes write_partial(const Preview &preview, const AnswerFacts &facts,
                    std::string_view response_format);
// In the form for which OpenAI's clients raise an exception.
std::string write_error_event(const ApiError &error, const AnswerFacts &facts);

std::string write_error(const ApiError &error, const AnswerFacts &facts);

}  // namespace gateway

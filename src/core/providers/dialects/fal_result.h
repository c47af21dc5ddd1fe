// Reads the results and errors of fal's models, which are the same with and without the queue.
#pragma once

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// `root` is the response's document, absent if it is not JSON.
Outcome read_fal_result(const HttpResponse &response, JsonValue root);
Outcome read_fal_error(const HttpResponse &response, JsonValue root);
// The outcome of a job whose document says that it failed.
Outcome read_fal_failure(const HttpResponse &response, JsonValue root, OutcomeType state);

}  // namespace gateway

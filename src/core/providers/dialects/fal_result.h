// What fal's models make, and what goes wrong, whether it comes at once or out of the queue.
#pragma once

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// `root` is the answer's document, absent where it is no JSON.
Outcome read_fal_result(const HttpResponse &response, JsonValue root);
Outcome read_fal_error(const HttpResponse &response, JsonValue root);
// Of a job's own document that says that it failed.
Outcome read_fal_failure(const HttpResponse &response, JsonValue root, OutcomeType state);

}  // namespace gateway

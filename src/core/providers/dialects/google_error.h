// Errors of Google's APIs: {code, message, status, details}. The status is a word, the details have
// the reason.
#pragma once

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// `error` is that object, or absent.
Outcome read_google_error(const HttpResponse &response, JsonValue error);

}  // namespace gateway

// The errors of Google's APIs: {code, message, status, details}, where status is a word and the
// details say why.
#pragma once

#include "core/http_call.h"
#include "core/json/document.h"
#include "core/outcome.h"

namespace gateway {

// `error` is that object; absent when the answer has none.
Outcome read_google_error(const HttpResponse &response, JsonValue error);

}  // namespace gateway

// The document in a provider's answer.
#pragma once

#include <optional>

#include "core/http_call.h"
#include "core/json/document.h"

namespace gateway {

// Nothing if the answer is no JSON, or none of a sane form. The response must outlive it.
std::optional<JsonDocument> read_document(const HttpResponse &response);

}  // namespace gateway

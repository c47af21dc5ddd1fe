// Google's generateContent with an API key: the Gemini API, and Vertex AI in express mode.
// Facts: googleapis/python-genai 2.19 (2026-08-21) and the Gemini API's guide to images.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class GoogleGemini final : public Dialect {
 public:
    GoogleGemini();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway

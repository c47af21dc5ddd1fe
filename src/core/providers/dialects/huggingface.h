// Hugging Face's own inference (hf-inference behind its router) and its dedicated endpoints: JSON
// in, usually an image's own bytes out, one image a call. Other providers behind the router have
// dialects of their own.
// Facts: huggingface.js of 2026-08-21, its text-to-image task, and responses that clients reported.
#pragma once

#include "core/providers/dialect.h"

namespace gateway {

class HuggingFace final : public Dialect {
 public:
    HuggingFace();
    [[nodiscard]] Work begin(const ProviderRequest &request) const override;
    [[nodiscard]] Outcome read(const HttpResponse &response) const override;
};

}  // namespace gateway

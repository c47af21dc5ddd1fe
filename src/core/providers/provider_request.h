// What a dialect is given to write a request to its provider.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/catalog/model_spec.h"
#include "core/json/document.h"
#include "core/ports.h"
#include "core/providers/provider.h"
#include "core/request/image_request.h"

namespace gateway {

// The input images of a call. All that it refers to outlives the call.
struct CallInputs {
    Operation operation = Operation::generate;
    std::span<const InputImage> images = {};
    const InputImage *mask = nullptr;  // in the model's form; null: none
    const InputSpec *spec = nullptr;   // what the model takes

    [[nodiscard]] bool any() const { return !images.empty(); }
    // Whether the provider has some of them already.
    [[nodiscard]] bool any_file_id() const;
};

struct ProviderRequest {
    const Provider &provider;
    const ProviderKey *key;  // null where the provider has none
    std::string_view model;
    const Params &params;                  // fitted to the model
    std::span<const JsonValue> forwarded;  // unknown fields, as the client wrote them
    std::string_view request_id;
    std::string_view idempotency_key;
    std::string traceparent;
    Random &random;
    CallInputs inputs = {};
    std::string_view tracestate = {};

    // The requested seed. Without one, a new one if `draws` is set: for providers that do not
    // report the seed that they used.
    [[nodiscard]] std::optional<int64_t> seed(bool draws) const;
};

}  // namespace gateway

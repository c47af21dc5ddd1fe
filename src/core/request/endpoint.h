// What the path of a request asks for: a row for each endpoint. A new endpoint is a new row.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/request/operation.h"

namespace gateway {

struct EndpointRow {
    enum What : uint8_t { none, make, models, model, file };

    std::string_view tail;  // of the path
    What what = none;
    // Of what is made:
    std::optional<Operation> operation;
    std::string_view body_type;  // the media type of the body; empty: none is read
    // Of all: what the header Allow says, and what a request by another method is told.
    std::string_view methods;
    std::string_view method_error;
    bool has_name = false;       // behind the tail
    bool of_deployment = false;  // "deployments/MODEL/" may stand before it

    [[nodiscard]] bool is_read() const { return methods.starts_with("GET"); }
};

struct Endpoint {
    const EndpointRow *row = nullptr;  // null: there is nothing at this path
    std::string_view name;             // of the model that is described, or of the stored image
    std::string_view deployment;       // MODEL in ".../deployments/MODEL/images/generations"

    [[nodiscard]] EndpointRow::What what() const {
        return row == nullptr ? EndpointRow::none : row->what;
    }
};

// The first `given` characters of the path are the operator's own: the location's prefix, or all of
// it where their pattern says which paths are taken. Behind them may stand v1, openai or openai/v1,
// then deployments/MODEL, and then the tail; or the end of all this, where the operator wrote its
// beginning.
Endpoint endpoint_of(std::string_view path, size_t given);

}  // namespace gateway

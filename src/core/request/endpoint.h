// Finds the endpoint for the path of a request. Each endpoint is a row of a table.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "core/request/operation.h"

namespace gateway {

struct EndpointRow {
    enum What : uint8_t { none, make, models, model, file, openapi, jobs, job, async_job };

    std::string_view tail;  // of the path
    // In the OpenAPI document:
    std::string_view id;
    std::string_view summary;
    What what = none;
    // Only for endpoints that make images:
    std::optional<Operation> operation;
    // For all endpoints: the value of the header Allow, and the error message for other methods.
    std::string_view methods;
    std::string_view method_error;
    bool takes_form = false;     // the body may be multipart/form-data, not only JSON
    bool has_name = false;       // a name follows the tail
    bool of_deployment = false;  // "deployments/MODEL/" may precede the tail
    bool is_async = false;       // in Bifrost's form: replies with a job

    [[nodiscard]] bool is_read() const { return methods.starts_with("GET"); }
};

struct Endpoint {
    const EndpointRow *row = nullptr;  // null: the path has no endpoint
    std::string_view name;             // of the requested model description or stored image
    std::string_view deployment;       // MODEL in ".../deployments/MODEL/images/generations"

    [[nodiscard]] EndpointRow::What what() const {
        return row == nullptr ? EndpointRow::none : row->what;
    }
};

std::span<const EndpointRow> endpoints();

// The operator configured the first `given` characters of the path: the prefix of the location, or
// the whole path, for example if the location is a regular expression. After them the path may have
// v1, openai or openai/v1, then deployments/MODEL, then the tail. The operator's part may already
// contain the beginning of this.
Endpoint endpoint_of(std::string_view path, size_t given);

}  // namespace gateway

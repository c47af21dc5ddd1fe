// The OpenAPI document of a location. It is generated from the tables of endpoints, of fields and
// of errors, so it cannot differ from what the gateway reads.
#pragma once

#include <string>
#include <string_view>

#include "core/request/profile.h"

namespace gateway {

enum class DocumentedKey : uint8_t { required, optional, none };

struct DocumentedLocation {
    const Profile &profile;
    std::string_view path;  // of the location, as the client wrote it: "/v1/"
    DocumentedKey key = DocumentedKey::required;
    bool jobs = false;  // it takes requests as jobs
};

std::string write_openapi(const DocumentedLocation &location);

}  // namespace gateway

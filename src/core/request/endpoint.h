// What the path of a request asks for.
#pragma once

#include <cstddef>
#include <string_view>

namespace gateway {

struct Endpoint {
    enum What : uint8_t { none, generations, models, model, file } what = none;
    std::string_view name;        // of the model that is described, or of the kept picture
    std::string_view deployment;  // MODEL in ".../deployments/MODEL/images/generations"
};

// The first `given` characters of the path are the operator's own: the location's prefix, or all of
// it where their pattern says which paths are taken. Behind them may stand v1, openai or openai/v1,
// then deployments/MODEL, and then what is asked for; or the end of all this, where the operator
// wrote its beginning.
Endpoint endpoint_of(std::string_view path, size_t given);

}  // namespace gateway

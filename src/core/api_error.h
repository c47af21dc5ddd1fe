// What we tell a caller who gets no image.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace gateway {

// One thing that is wrong with a request.
struct Problem {
    std::string param;
    std::string code;
    std::string message;
};

struct ApiError {
    int status = 500;
    std::string type;
    std::string code;
    std::string message;
    std::string param;             // empty: null
    std::vector<Problem> details;  // everything that is wrong with the request's fields
    std::string model;             // that a request names which is refused for something else
    bool from_provider = false;
    std::optional<int> retry_after;  // seconds

    // With the type and code that go with the status.
    static ApiError of(int status);
    static ApiError of(int status, std::string code, std::string message, std::string param = {});
};

}  // namespace gateway

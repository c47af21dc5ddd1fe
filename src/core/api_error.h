// The error reply to a request without images.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gateway {

// One mistake in one field of a request.
struct Problem {
    std::string param;
    std::string code;
    std::string message;
};

// The default texts of a status.
struct ErrorText {
    int status;
    std::string_view type;
    std::string_view code;
    std::string_view message;
};

// Of all statuses that a reply may have.
std::span<const ErrorText> error_texts();

struct ApiError {
    int status = 500;
    std::string type;
    std::string code;
    std::string message;
    std::string param;             // empty: written as null
    std::vector<Problem> details;  // all mistakes in the request's fields
    std::string model;             // the requested model, if the error is about something else
    bool from_provider = false;
    std::optional<int> retry_after;  // seconds
    // If a limit or a budget refuses the request: whose, and which. Of fixed texts.
    struct Limited {
        std::string_view party;
        std::string_view limit;
    };
    Limited limited;

    // An error with the default type, code and message of the status.
    static ApiError of(int status);
    static ApiError of(int status, std::string code, std::string message, std::string param = {});
    // An error that may be over soon: a repeat after a second may help.
    static ApiError for_now(int status, std::string code, std::string message,
                            std::string param = {});
    // A 400 with the first problem's code and message, and all of them as details. There must be at
    // least one.
    static ApiError of_all(std::vector<Problem> problems);
};

}  // namespace gateway

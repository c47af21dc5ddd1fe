#include "core/api_error.h"

#include <algorithm>
#include <utility>

namespace gateway {

namespace {

// The statuses of our own errors, and of errors that nginx or its modules may raise in our
// locations.
constexpr ErrorText kTexts[] = {
    {400, "invalid_request_error", "bad_request", "The request is malformed."},
    {401, "invalid_request_error", "invalid_api_key", "A valid API key is needed."},
    {402, "insufficient_quota", "budget_exceeded", "The budget of this key is spent."},
    {403, "permission_error", "forbidden", "This is not allowed."},
    {404, "invalid_request_error", "unknown_url", "There is nothing at this path."},
    {405, "invalid_request_error", "method_not_allowed", "This method is not allowed here."},
    {408, "invalid_request_error", "request_timeout", "The request was not received in time."},
    {409, "invalid_request_error", "conflict", "The request conflicts with another one."},
    {411, "invalid_request_error", "length_required", "The request needs a Content-Length."},
    {413, "invalid_request_error", "request_too_large", "The request body is too large."},
    {415, "invalid_request_error", "unsupported_media_type", "The body must be application/json."},
    {422, "invalid_request_error", "unprocessable", "The request cannot be processed."},
    {429, "rate_limit_error", "rate_limit_exceeded", "Too many requests."},
    {499, "invalid_request_error", "client_closed_request", "The client left."},
    {500, "server_error", "internal_error", "The gateway failed to handle this request."},
    {502, "server_error", "provider_error", "No provider could make the image."},
    {503, "server_error", "service_unavailable", "The service is not available now."},
    {504, "server_error", "deadline_exceeded", "The request was not finished in time."},
    {507, "server_error", "insufficient_storage", "The image store is full."},
};

}  // namespace

std::span<const ErrorText> error_texts() {
    return kTexts;
}

ApiError ApiError::of(int status) {
    const auto *text = std::find_if(std::begin(kTexts), std::end(kTexts),
                                    [=](const ErrorText &row) { return row.status == status; });
    ApiError error;
    error.status = status;
    if (text != std::end(kTexts)) {
        error.type = text->type;
        error.code = text->code;
        error.message = text->message;
    } else if (status < 500) {
        error.type = "invalid_request_error";
        error.code = "request_refused";
        error.message = "The request was refused.";
    } else {
        error.type = "server_error";
        error.code = "server_error";
        error.message = "The request failed.";
    }
    return error;
}

ApiError ApiError::of(int status, std::string code, std::string message, std::string param) {
    ApiError error = of(status);
    error.code = std::move(code);
    error.message = std::move(message);
    error.param = std::move(param);
    return error;
}

ApiError ApiError::for_now(int status, std::string code, std::string message, std::string param) {
    ApiError error = of(status, std::move(code), std::move(message), std::move(param));
    error.retry_after = 1;
    return error;
}

ApiError ApiError::of_all(std::vector<Problem> problems) {
    const Problem &first = problems.front();
    ApiError error = of(400, first.code, first.message, first.param);
    error.details = std::move(problems);
    return error;
}

}  // namespace gateway

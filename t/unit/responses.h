// Responses and errors as OpenAI's API reference has them, in the form in which the core receives
// them.
#pragma once

#include <string>
#include <utility>

#include "core/http_call.h"
#include "core/json/lifter.h"
#include "core/outcome.h"

namespace gateway {

// A 1x1 PNG.
inline constexpr const char *kPng =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/"
    "pLvAAAAAElFTkSuQmCC";

inline HttpResponse response_of(int status, std::string_view body, std::string headers = "") {
    Lifter lifter(BlockPool::create(4));
    lifter.feed(body);
    HttpResponse response;
    response.end = TransferEnd::answered;
    response.status = status;
    response.headers = std::move(headers);
    response.body = std::move(lifter).finish();
    return response;
}

inline HttpResponse undelivered(TransferEnd end, std::string problem = "") {
    HttpResponse response;
    response.end = end;
    response.problem = std::move(problem);
    return response;
}

inline std::string images_json(int count, const std::string &more = "") {
    std::string data;
    for (int i = 0; i < count; ++i) {
        data += std::string(i == 0 ? "" : ",") + R"({"b64_json":")" + kPng + "\"}";
    }
    return R"({"created":1777371362,"data":[)" + data + "]" + more + "}";
}

inline HttpResponse images(int count) {
    return response_of(200, images_json(count));
}

inline std::string error_json(const std::string &type, const std::string &code,
                              const std::string &message = "No.",
                              const std::string &param = "null") {
    return R"({"error":{"message":")" + message + R"(","type":")" + type + R"(","param":)" + param +
           R"(,"code":)" + (code.empty() ? "null" : "\"" + code + "\"") + "}}";
}

// A response of OpenAI's that is read as an outcome of this type. There is none for `pending`, and
// `too_late` is the gateway's own.
inline HttpResponse response_for(OutcomeType type, const std::string &message = "No.") {
    switch (type) {
        case OutcomeType::made: return images(1);
        case OutcomeType::refused_by_policy:
            return response_of(
                400, error_json("image_generation_user_error", "moderation_blocked", message));
        case OutcomeType::callers_fault:
            return response_of(400, error_json("image_generation_user_error", "invalid_value",
                                               message, "\"size\""));
        case OutcomeType::our_credentials:
            return response_of(401,
                               error_json("invalid_request_error", "invalid_api_key", message));
        case OutcomeType::out_of_quota:
            return response_of(429,
                               error_json("insufficient_quota", "insufficient_quota", message));
        case OutcomeType::throttled:
            return response_of(429, error_json("rate_limit_error", "rate_limit_exceeded", message),
                               "retry-after: 12\r\n");
        case OutcomeType::not_here:
            return response_of(404,
                               error_json("invalid_request_error", "model_not_found", message));
        case OutcomeType::broken: return response_of(500, error_json("server_error", "", message));
        default: return undelivered(TransferEnd::lost, message);
    }
}

}  // namespace gateway

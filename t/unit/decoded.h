// For tests: the body of a request and the result of decoding it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "core/request/decode.h"

namespace gateway {

class Decoded {
 public:
    explicit Decoded(std::string body, const Profile &profile = unified_profile(),
                     const UnknownFields &unknown = {}, bool model_in_path = false)
        : body_(std::make_unique<const std::string>(std::move(body))),
          request_(decode_request(*body_, {profile, unknown, model_in_path})) {}

    explicit operator bool() const { return request_.has_value(); }
    const ImageRequest *operator->() const { return &request_.value(); }
    [[nodiscard]] const ApiError &error() const { return request_.error(); }

    // "param code" of each problem, in order; empty when the request is taken.
    [[nodiscard]] std::string problems() const {
        if (request_) {
            return "";
        }
        EXPECT_EQ(error().status, 400);
        EXPECT_EQ(error().type, "invalid_request_error");
        if (error().details.empty()) {
            return error().param + " " + error().code;
        }
        EXPECT_EQ(error().param, error().details.front().param);
        EXPECT_EQ(error().code, error().details.front().code);
        EXPECT_EQ(error().message, error().details.front().message);
        std::string all;
        for (const Problem &problem : error().details) {
            all += (all.empty() ? "" : ", ") + problem.param + " " + problem.code;
            EXPECT_FALSE(problem.message.empty());
        }
        return all;
    }

 private:
    std::unique_ptr<const std::string> body_;
    tl::expected<ImageRequest, ApiError> request_;
};

inline std::string repeat(std::string_view text, size_t times) {
    std::string all;
    for (size_t i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

}  // namespace gateway

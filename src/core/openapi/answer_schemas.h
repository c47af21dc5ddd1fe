// JSON Schemas of replies: what core/response writes. A test of t/http compares them with replies.
#pragma once

#include <string_view>

namespace gateway {

// The members of components/schemas that are the same in all profiles, without braces around them.
extern const std::string_view kAnswerSchemas;
// For profiles that have streams.
extern const std::string_view kEventSchemas;
// For locations that have jobs.
extern const std::string_view kJobSchemas;

}  // namespace gateway

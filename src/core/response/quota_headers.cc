#include "core/response/quota_headers.h"

#include <string>

namespace gateway {

namespace {

void add_quota(const Quota &quota, const std::string &what, Answer &answer) {
    if (quota.limit == 0) {
        return;
    }
    answer.headers.emplace_back("x-ratelimit-limit-" + what, std::to_string(quota.limit));
    answer.headers.emplace_back("x-ratelimit-remaining-" + what, std::to_string(quota.remaining));
    answer.headers.emplace_back("x-ratelimit-reset-" + what,
                                std::to_string(quota.reset_seconds) + "s");
}

}  // namespace

void add_quota_headers(const Quotas &quotas, Answer &answer) {
    add_quota(quotas.requests, "requests", answer);
    add_quota(quotas.images, "images", answer);
}

}  // namespace gateway

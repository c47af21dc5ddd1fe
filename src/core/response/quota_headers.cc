#include "core/response/quota_headers.h"

#include <string>
#include <string_view>
#include <utility>

namespace gateway {

namespace {

void add_quota(const Quota &quota, std::string_view header, Answer &answer) {
    if (quota.limit == 0) {
        return;
    }
    const auto add = [&](std::string_view part, std::string value) {
        answer.headers.emplace_back(std::string(kQuotaHeader).append(part).append(header),
                                    std::move(value));
    };
    add(kQuotaParts[0], std::to_string(quota.limit));
    add(kQuotaParts[1], std::to_string(quota.remaining));
    add(kQuotaParts[2], std::to_string(quota.reset_seconds) + "s");
}

}  // namespace

void add_quota_headers(const Quotas &quotas, Answer &answer) {
    add_quota(quotas.requests, header_of(LimitUnit::requests), answer);
    add_quota(quotas.images, header_of(LimitUnit::images), answer);
}

}  // namespace gateway

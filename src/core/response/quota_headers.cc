#include "core/response/quota_headers.h"

#include <string>

namespace gateway {

void add_quota_headers(const Quotas &quotas, Answer &answer) {
    constexpr size_t kUsualHeaders = 8;
    for (const QuotaHeaders &headers : kQuotaHeaders) {
        const Quota &quota = quotas.*headers.quota;
        if (quota.limit == 0) {
            continue;
        }
        answer.headers.reserve(kUsualHeaders);
        answer.headers.emplace_back(headers.limit, std::to_string(quota.limit));
        answer.headers.emplace_back(headers.remaining, std::to_string(quota.remaining));
        answer.headers.emplace_back(headers.reset, std::to_string(quota.reset_seconds) + "s");
    }
}

}  // namespace gateway

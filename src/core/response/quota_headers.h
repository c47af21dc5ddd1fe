// Headers with the caller's limits and what remains of them.
#pragma once

#include "core/limits/quotas.h"
#include "core/response/answer.h"

namespace gateway {

void add_quota_headers(const Quotas &quotas, Answer &answer);

}  // namespace gateway

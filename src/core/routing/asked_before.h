// What a worker that has died may have asked providers for, when another one makes the same order.
#pragma once

#include <string>
#include <vector>

#include "core/routing/decide.h"
#include "core/routing/model_map.h"

namespace gateway {

struct AskedBefore {
    std::string request_id;             // of the first request, from which keys of calls are made
    std::vector<Candidate> candidates;  // of which each may have made the images, and billed them

    // By the rules for the outcome `unknown`: the same call only with the same key of a provider
    // that takes keys, and no other call to that provider.
    [[nodiscard]] bool may_ask(const Candidate &candidate, AfterUnknown after_unknown) const;
};

}  // namespace gateway

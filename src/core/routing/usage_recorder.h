// Writes a usage record for each request. A request for which no provider was called has no record.
#pragma once

#include "core/routing/observer.h"

namespace gateway {

class UsageRecorder final : public Observer {
 public:
    explicit UsageRecorder(UsageBook &book) : book_(book) {}
    void on_request_end(const RequestEnd &end) override;

 private:
    UsageBook &book_;
};

}  // namespace gateway

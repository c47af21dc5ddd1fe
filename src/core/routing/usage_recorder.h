// Writes what each request used into the usage book. A request that no provider was asked for
// leaves nothing behind that lasts.
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

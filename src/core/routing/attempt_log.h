// Logs each attempt that made no image. Of many failures of the same kind, one a second is logged,
// with the number of those that were not.
#pragma once

#include "core/routing/failure_storms.h"
#include "core/routing/observer.h"

namespace gateway {

class AttemptLog final : public Observer {
 public:
    // Without `storms` each failure is logged.
    explicit AttemptLog(Log &log, FailureStorms *storms = nullptr) : log_(log), storms_(storms) {}
    void on_attempt_end(const AttemptEnd &end) override;

 private:
    Log &log_;
    FailureStorms *storms_;
};

}  // namespace gateway

// Logs each attempt that made no image.
#pragma once

#include "core/routing/observer.h"

namespace gateway {

class AttemptLog final : public Observer {
 public:
    explicit AttemptLog(Log &log) : log_(log) {}
    void on_attempt_end(const AttemptEnd &end) override;

 private:
    Log &log_;
};

}  // namespace gateway

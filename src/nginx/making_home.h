// Ports for shared makings, which are not bound to a request of nginx.
#pragma once

#include "core/sharing/making_register.h"
#include "nginx/records_queue.h"

namespace gateway {

class Worker;

class NgxMakingHome final : public MakingHome {
 public:
    // The worker must outlive the home.
    explicit NgxMakingHome(Worker &worker) : worker_(worker) {}
    std::unique_ptr<OwnPorts> open(CallbackOwner &owner) override;

 private:
    Worker &worker_;
};

}  // namespace gateway

#include "nginx/making_home.h"

#include <optional>

#include "nginx/request_ports.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

class NgxOwnPorts final : public OwnPorts {
 public:
    NgxOwnPorts(Worker &worker, CallbackOwner &owner)
        : log_(ngx_cycle->log), request_(worker, nullptr, owner, log_) {}
    [[nodiscard]] const Ports &ports() const override { return request_.ports; }
    [[nodiscard]] Records *records() override { return request_.ports.sharing->records; }

 private:
    ErrorLog log_;
    RequestPorts request_;
};

}  // namespace

std::unique_ptr<OwnPorts> NgxMakingHome::open(CallbackOwner &owner) {
    return std::make_unique<NgxOwnPorts>(worker_, owner);
}

}  // namespace gateway

// Implements the port TaskPool by nginx's thread pool, for a request or the worker.
#pragma once

#include "core/callback_owner.h"
#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

class NgxTaskPool final : public TaskPool {
 public:
    NgxTaskPool(ngx_thread_pool_t *threads, CallbackOwner &owner)
        : threads_(threads), owner_(owner) {}
    std::unique_ptr<Task> run(std::function<void()> work, std::function<void()> done) override;

 private:
    ngx_thread_pool_t *threads_;
    CallbackOwner &owner_;
};

}  // namespace gateway

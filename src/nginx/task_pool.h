// nginx's thread pool as the port TaskPool.
#pragma once

#include "core/ports.h"
#include "nginx/ngx.h"

namespace gateway {

class NgxTaskPool final : public TaskPool {
 public:
    explicit NgxTaskPool(ngx_thread_pool_t *threads) : threads_(threads) {}
    std::unique_ptr<Task> run(std::function<void()> work, std::function<void()> done) override;

 private:
    ngx_thread_pool_t *threads_;
};

}  // namespace gateway

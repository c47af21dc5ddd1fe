#include "nginx/task_pool.h"

#include <utility>

#include "nginx/event_loop.h"

namespace gateway {

namespace {

class NgxTask;

// The data of one task. A posted task cannot be withdrawn, so the job owns all that it needs and
// does not use the request or its memory.
struct PoolJob {
    ngx_thread_task_t task{};
    std::function<void()> work;
    std::function<void()> done;
    NgxTask *waiting = nullptr;  // null: the result is no longer needed
};

class NgxTask final : public Task {
 public:
    NgxTask(PoolJob *job, CallbackOwner &owner) : job_(job), owner_(owner) { job->waiting = this; }
    ~NgxTask() override {
        if (job_ != nullptr) {
            job_->waiting = nullptr;
        }
    }
    NgxTask(const NgxTask &) = delete;
    NgxTask &operator=(const NgxTask &) = delete;
    void forget_job() { job_ = nullptr; }
    [[nodiscard]] CallbackOwner &owner() const { return owner_; }

 private:
    PoolJob *job_;
    CallbackOwner &owner_;
};

// Runs on a pool thread. Must not use nginx's functions.
extern "C" void image_gateway_work(void *data, ngx_log_t * /*log*/) {
    try {
        static_cast<PoolJob *>(data)->work();
    } catch (...) {
        return;  // the result keeps its initial value, such as the outcome `unknown`
    }
}

// Runs on the event loop.
extern "C" void image_gateway_work_done(ngx_event_t *event) {
    const std::unique_ptr<PoolJob> job(static_cast<PoolJob *>(event->data));
    if (job->waiting != nullptr) {
        job->waiting->forget_job();
        run_for(job->waiting->owner(), job->done);
    }
}

}  // namespace

std::unique_ptr<Task> NgxTaskPool::run(std::function<void()> work, std::function<void()> done) {
    auto job = std::make_unique<PoolJob>();
    job->work = std::move(work);
    job->done = std::move(done);
    PoolJob *raw = job.get();
    raw->task.ctx = raw;
    raw->task.handler = image_gateway_work;
    raw->task.event.handler = image_gateway_work_done;
    raw->task.event.data = raw;
    raw->task.event.log = ngx_cycle->log;
    auto task = std::make_unique<NgxTask>(raw, owner_);
    if (ngx_thread_task_post(threads_, &raw->task) != NGX_OK) {
        task->forget_job();
        return nullptr;
    }
    [[maybe_unused]] const PoolJob *owned_by_the_pool = job.release();
    return task;
}

}  // namespace gateway

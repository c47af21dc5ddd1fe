#include "nginx/task_pool.h"

#include <utility>

#include "nginx/event_loop.h"

namespace gateway {

namespace {

class NgxTask;

// What the thread works on. Owned by nobody else, because a posted task cannot be taken back: so it
// needs neither the request's memory nor the request.
struct PoolJob {
    ngx_thread_task_t task{};
    std::function<void()> work;
    std::function<void()> done;
    NgxTask *waiting = nullptr;  // null: nobody cares any more
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

// On a pool thread: must not touch nginx.
extern "C" void image_gateway_work(void *data, ngx_log_t * /*log*/) {
    try {
        static_cast<PoolJob *>(data)->work();
    } catch (...) {
        return;  // the result stays what it was before the work: an outcome `unknown`
    }
}

// Back on the loop.
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

#include "nginx/request_context.h"

#include <new>
#include <utility>

#include "nginx/guard.h"
#include "nginx/worker.h"

namespace gateway {

namespace {

extern "C" void image_gateway_destroy_context(void *data) {
    static_cast<RequestContext *>(data)->~RequestContext();
}

extern "C" void image_gateway_cancel_context(void *data) {
    static_cast<RequestContext *>(data)->cancel();
}

extern "C" void image_gateway_answer(ngx_event_t *event) {
    send_on(static_cast<ngx_http_request_t *>(event->data));
}

RequestContext *make_context(ngx_http_request_t *r) {
    static_assert(alignof(RequestContext) <= NGX_ALIGNMENT);
    // There are two cleanup lists. The request's runs when the request is terminated, the pool's
    // when its memory is freed.
    ngx_http_cleanup_t *at_end = ngx_http_cleanup_add(r, 0);
    ngx_pool_cleanup_t *memory = ngx_pool_cleanup_add(r->pool, sizeof(RequestContext));
    if (at_end == nullptr || memory == nullptr) {
        return nullptr;
    }
    auto *context = new (memory->data) RequestContext(r);
    memory->handler = image_gateway_destroy_context;
    at_end->data = context;
    at_end->handler = image_gateway_cancel_context;
    return context;
}

}  // namespace

void ErrorLog::write(LogLevel level, const std::string &line) {
    ngx_uint_t nginx_level = NGX_LOG_ERR;
    if (level == LogLevel::info) {
        nginx_level = NGX_LOG_INFO;
    } else if (level == LogLevel::warn) {
        nginx_level = NGX_LOG_WARN;
    }
    ngx_str_t text = to_ngx(line);
    ngx_log_error(nginx_level, log_, 0, "%V", &text);
}

RequestPorts::RequestPorts(Worker &worker, const LocationConf *location, CallbackOwner &owner,
                           Log &log)
    : loop(owner),
      tasks(worker.threads, owner),
      upstream(worker.engine, owner, loop, &tasks),
      files(tasks),
      attempt_log(log, &worker.storms),
      sharing{worker.makings, nullptr},
      observers{&attempt_log},
      ports{worker.clock, loop,  worker.random, tasks,          upstream,
            upstream,     files, log,           *worker.memory, worker.usage.get()} {
    size_t count = 1;
    if (worker.usage != nullptr) {
        observers[count++] = &usage.emplace(*worker.usage);
    }
    if (worker.recorder) {
        observers[count++] = &*worker.recorder;
    }
    if (worker.span_recorder) {
        observers[count++] = &*worker.span_recorder;
        ports.spans = &*worker.spans;
    }
    if (worker.records != nullptr) {
        sharing.records = &records.emplace(*worker.records, owner);
    }
    sharing.queue = &worker.queue;
    ports.owner = &owner;
    ports.sharing = &sharing;
    sharing.keys = &worker.keys_in_use;
    if (location != nullptr) {
        ports.spool = location->spool;
    }
    ports.disk = worker.disk.get();
    ports.long_tasks = worker.long_tasks.get();
    ports.observers = std::span(observers).first(count);
}

RequestContext::RequestContext(ngx_http_request_t *request)
    : request_(request), log_(request->connection->log) {
    answer_event_.handler = image_gateway_answer;
    answer_event_.data = request;
    answer_event_.log = request->connection->log;
}

RequestContext::~RequestContext() {
    cancel();
    if (counted_ && worker() != nullptr && worker()->recorder) {
        worker()->recorder->on_request_gone();
    }
}

Exchange &RequestContext::exchange(const LocationConf &location) {
    if (!exchange_ || location_ != &location) {
        Worker &own = *worker();
        exchange_.reset();  // it refers to the ports, so it is destroyed first
        ports_.emplace(own, &location, *this, log_);
        exchange_.emplace(main_conf(request_).models, location.policy, *own.accounts, own.health,
                          ports_->ports);
        location_ = &location;
        if (!counted_ && own.recorder) {
            counted_ = true;
            own.recorder->on_request_begin();
        }
        if (std::exchange(place_.request, this) == nullptr) {
            ngx_queue_insert_tail(&own.requests, &place_.link);
        }
    }
    return *exchange_;
}

void RequestContext::cancel() noexcept {
    if (answer_event_.posted) {
        ngx_delete_posted_event(&answer_event_);
    }
    if (exchange_) {
        exchange_->cancel();
    }
    if (std::exchange(place_.request, nullptr) != nullptr) {
        ngx_queue_remove(&place_.link);
    }
}

void RequestContext::answer_soon(Answer part) {
    out.add(std::move(part));
    answered = true;
    send_soon();
    note_unsent();
}

void RequestContext::send_soon() noexcept {
    ngx_post_event(&answer_event_, &ngx_posted_events);
}

void RequestContext::end_by_exception(const char *what) noexcept {
    ngx_log_error(NGX_LOG_CRIT, request_->connection->log, 0,
                  "image gateway: an exception ended the request: %s", what);
    if (exchange_) {
        exchange_->end_by_exception();
    }
    // If the exchange could not reply, nginx replies with a 500, and the filter turns it into JSON.
    if (!out.is_over()) {
        answered = out.has_begun();
        out.break_off();
        send_soon();
    }
}

void RequestContext::note_unsent() {
    if (exchange_) {
        exchange_->note_unsent(out.unsent());
    }
}

RequestContext *find_context(ngx_http_request_t *r) {
    if (r != r->main) {
        return nullptr;  // subrequests share the pool, but have no context
    }
    auto *context =
        static_cast<RequestContext *>(ngx_http_get_module_ctx(r, ngx_http_image_gateway_module));
    if (context != nullptr) {
        return context;
    }
    if (!r->internal && !r->filter_finalize) {
        return nullptr;  // only an internal redirect clears the module contexts
    }
    for (ngx_pool_cleanup_t *cleanup = r->pool->cleanup; cleanup != nullptr;
         cleanup = cleanup->next) {
        if (cleanup->handler == image_gateway_destroy_context) {
            context = static_cast<RequestContext *>(cleanup->data);
            ngx_http_set_ctx(r, context, ngx_http_image_gateway_module);
            return context;
        }
    }
    return nullptr;
}

RequestContext *context_of(ngx_http_request_t *r) {
    RequestContext *context = find_context(r);
    if (context == nullptr && r == r->main) {
        context = guard_or<RequestContext *>("request", nullptr, [=] { return make_context(r); });
        if (context != nullptr) {
            ngx_http_set_ctx(r, context, ngx_http_image_gateway_module);
        }
    }
    return context;
}

}  // namespace gateway

// The ports of one request. If a callback of one of them throws, only this request fails.
#pragma once

#include <optional>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "core/routing/attempt_log.h"
#include "core/routing/usage_recorder.h"
#include "core/sharing/making_register.h"
#include "nginx/event_loop.h"
#include "nginx/image_files.h"
#include "nginx/records_queue.h"
#include "nginx/task_pool.h"
#include "upstream/curl_client.h"

namespace gateway {

class Worker;
struct LocationConf;

// Writes to an error log of nginx. That of a connection adds the client and the request to each
// line.
class ErrorLog final : public Log {
 public:
    explicit ErrorLog(ngx_log_t *log) : log_(log) {}
    void write(LogLevel level, const std::string &line) override;

 private:
    ngx_log_t *log_;
};

struct RequestPorts {
    // Without a location, no input images can be written to files.
    RequestPorts(Worker &worker, const LocationConf *location, CallbackOwner &owner, Log &log);
    RequestPorts(const RequestPorts &) = delete;
    RequestPorts &operator=(const RequestPorts &) = delete;
    ~RequestPorts() = default;

    NgxEventLoop loop;
    NgxTaskPool tasks;
    CurlClient upstream;
    NgxImageFiles files;
    AttemptLog attempt_log;
    std::optional<UsageRecorder> usage;  // empty: usage is not recorded
    std::optional<NgxRecords> records;   // empty: there are none
    SharingPorts sharing;
    Observer *observers[4];
    Ports ports;
};

}  // namespace gateway

// The ports of one request. If a callback of one of them throws, only this request fails.
#pragma once

#include <optional>

#include "core/callback_owner.h"
#include "core/ports.h"
#include "core/routing/attempt_log.h"
#include "core/routing/usage_recorder.h"
#include "nginx/event_loop.h"
#include "nginx/image_files.h"
#include "nginx/task_pool.h"
#include "upstream/curl_client.h"

namespace gateway {

class Worker;
struct LocationConf;

struct RequestPorts {
    RequestPorts(Worker &worker, const LocationConf &location, CallbackOwner &owner, Log &log);
    RequestPorts(const RequestPorts &) = delete;
    RequestPorts &operator=(const RequestPorts &) = delete;
    ~RequestPorts() = default;

    NgxEventLoop loop;
    NgxTaskPool tasks;
    CurlClient upstream;
    NgxImageFiles files;
    AttemptLog attempt_log;
    std::optional<UsageRecorder> usage;  // empty: usage is not recorded
    Observer *observers[2];
    Ports ports;
};

}  // namespace gateway

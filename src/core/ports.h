// The ports: interfaces through which the core reaches its environment. Each port has one
// implementation in src/nginx or src/upstream, and one in the tests. Destroying a handle, such as a
// Timer, cancels what it stands for.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/http_call.h"
#include "core/sse/event_reader.h"

namespace gateway {

using Milliseconds = std::chrono::milliseconds;

class Clock {
 public:
    virtual ~Clock() = default;
    // Monotonic, for durations and deadlines.
    [[nodiscard]] virtual Milliseconds now() const = 0;
    [[nodiscard]] virtual int64_t unix_seconds() const = 0;
    [[nodiscard]] virtual int64_t unix_milliseconds() const { return unix_seconds() * 1000; }
};

class Timer {
 public:
    virtual ~Timer() = default;
};

// A timer that is created once and set as often as needed. Setting it allocates no memory, so
// it cannot fail.
class Alarm {
 public:
    virtual ~Alarm() = default;
    // Runs the action once after `delay`. Replaces an earlier setting. With a delay of zero, the
    // action runs in the next turn of the loop, after all other events that are ready. The action
    // must not destroy the alarm.
    virtual void set(Milliseconds delay) noexcept = 0;
    virtual void unset() noexcept = 0;
};

// Whether a process that was told to quit waits for the timer.
enum class TimerKind : uint8_t { holds_exit, idle };

class EventLoop {
 public:
    virtual ~EventLoop() = default;
    // Runs `action` once after `delay`. The action may destroy its own timer.
    virtual std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action,
                                               TimerKind kind) = 0;
    std::unique_ptr<Timer> start_timer(Milliseconds delay, std::function<void()> action) {
        return start_timer(delay, std::move(action), TimerKind::holds_exit);
    }
    virtual std::unique_ptr<Alarm> make_alarm(std::function<void()> action, TimerKind kind) = 0;
    // How long this process still runs after it was told to quit. Nothing if it was not told to
    // quit, or if it waits without a limit.
    [[nodiscard]] virtual std::optional<Milliseconds> time_to_live() const = 0;
};

class Random {
 public:
    virtual ~Random() = default;
    virtual void fill(std::span<uint8_t> bytes) = 0;
};

class Task {
 public:
    virtual ~Task() = default;
};

class TaskPool {
 public:
    virtual ~TaskPool() = default;
    // Runs `work` on another thread, then `done` on the loop. After the task is destroyed, `work`
    // still runs, but `done` does not. So `work` may use only data that it owns. Null if the pool
    // accepts no more tasks.
    virtual std::unique_ptr<Task> run(std::function<void()> work, std::function<void()> done) = 0;
};

class UpstreamCall {
 public:
    virtual ~UpstreamCall() = default;
    // Whether the whole request was sent. If so, the provider may be working on it.
    [[nodiscard]] virtual bool is_sent() const = 0;
    // Whether the gateway paused the response, because the client did not read or memory was short.
    [[nodiscard]] virtual bool is_delayed() const = 0;
    // Pauses or resumes the response while it streams or is passed through.
    virtual void hold(bool held) = 0;
};

// Called during a call: not before start() has returned, and not after the call was destroyed. Only
// on_response may destroy the call.
struct CallListener {
    // The events of a stream. They come before the response, which then has no body. If unset, no
    // stream is expected.
    std::function<void(ServerEvent)> on_event;
    // The base64 of an image while it arrives. The response then has only its beginning. If unset,
    // the response has the whole image.
    std::function<void(Bytes)> on_piece;
    std::function<void(HttpResponse)> on_response;  // exactly once
};

class UpstreamClient {
 public:
    virtual ~UpstreamClient() = default;
    virtual std::unique_ptr<UpstreamCall> start(HttpCall call, CallListener listener) = 0;
    std::unique_ptr<UpstreamCall> start(HttpCall call,
                                        std::function<void(HttpResponse)> on_response) {
        return start(std::move(call), CallListener{nullptr, nullptr, std::move(on_response)});
    }
    // Starts a call whose response is not needed. It has no handle, so nobody can cancel it.
    virtual void send_off(HttpCall call) = 0;
};

enum class LogLevel : uint8_t { info, warn, error };

class Log {
 public:
    virtual ~Log() = default;
    virtual void write(LogLevel level, const std::string &line) = 0;
};

// A memory region that all workers share, and its lock. The lock can be taken again after its
// holder has died.
class SharedMemory {
 public:
    virtual ~SharedMemory() = default;
    [[nodiscard]] virtual std::span<std::byte> region() const = 0;
    virtual void lock() noexcept = 0;
    virtual void unlock() noexcept = 0;
};

class HeldDisk;
class HeldMemory;
class ImageFetcher;
class ImageFiles;
class LongTasks;
class UsageBook;
class Observer;
class SpanQueue;
class SpoolFiles;
class CallbackOwner;
struct SharingPorts;

struct Ports {
    Clock &clock;
    EventLoop &loop;
    Random &random;
    TaskPool &tasks;
    UpstreamClient &upstream;
    ImageFetcher &fetcher;
    ImageFiles &files;
    Log &log;
    HeldMemory &memory;
    UsageBook *book = nullptr;  // null: usage is not recorded
    std::span<Observer *const> observers = {};
    HeldDisk *disk = nullptr;  // counts files of input images; null: they are not counted
    std::shared_ptr<const SpoolFiles> spool = nullptr;  // null: no input images in files
    CallbackOwner *owner = nullptr;                     // of all callbacks of these ports
    SharingPorts *sharing = nullptr;                    // null: nothing is shared between requests
    LongTasks *long_tasks = nullptr;                    // null: they need no turn
    SpanQueue *spans = nullptr;                         // null: spans are not exported
};

}  // namespace gateway

// What a worker process has of its own: made after the fork, gone before it exits.
#pragma once

#include "core/callback_owner.h"
#include "core/limits/accounts.h"
#include "core/limits/health.h"
#include "core/limits/ledger.h"
#include "core/ports.h"
#include "nginx/event_loop.h"
#include "nginx/jwks_source.h"
#include "nginx/ngx.h"
#include "nginx/sockets.h"
#include "nginx/task_pool.h"
#include "nginx/usage_writer.h"
#include "nginx/watched_file.h"
#include "nginx/zone.h"
#include "upstream/curl_client.h"

namespace gateway {

struct MainConf;

class NgxClock final : public Clock {
 public:
    // nginx's own: read once for each turn of the loop.
    [[nodiscard]] Milliseconds now() const override {
        return Milliseconds(static_cast<int64_t>(ngx_current_msec));
    }
    [[nodiscard]] int64_t unix_seconds() const override { return ngx_time(); }
};

// OpenSSL's, drawn in larger portions: each draw of its own costs a lock and a syscall or two.
class NgxRandom final : public Random {
 public:
    void fill(std::span<uint8_t> bytes) override;

 private:
    std::array<uint8_t, 1024> store_{};
    size_t left_ = 0;
};

class Worker final : private CallbackOwner {
 public:
    explicit Worker(MainConf &main);
    // Ends what still runs, so that what it used is written down.
    ~Worker();
    Worker(const Worker &) = delete;
    Worker &operator=(const Worker &) = delete;

    ngx_thread_pool_t *threads;
    NgxClock clock;
    NgxRandom random;
    NgxEventLoop loop;
    NgxSockets sockets;
    NgxTaskPool tasks;
    std::shared_ptr<HeldMemory> memory;
    CurlEngine engine;
    CurlClient upstream;
    ZoneMemory ledger_memory;
    ZoneMemory health_memory;
    ZoneMemory purses_memory;
    Ledger ledger;
    LedgerAccounts accounts;
    Health health;
    std::unique_ptr<UsageWriter> usage;  // null: nothing is written down
    ngx_queue_t requests{};              // RequestPlaces

 private:
    // Of the worker's own callbacks: each has seen to it before that there is a next time.
    void end_by_exception(const char *what) noexcept override;
    void sweep();
    void tell_when_full();
    void write_orphaned(const Orphaned &orphaned);
    void watch_files(MainConf &main);

    std::unique_ptr<Alarm> sweep_alarm_;
    std::optional<Milliseconds> told_full_;
    size_t times_full_ = 0;
    size_t calls_refused_ = 0;  // as times_full_, of calls to providers
    std::vector<std::unique_ptr<WatchedFile>> watched_;
    std::vector<std::unique_ptr<JwksSource>> jwks_;
};

// Of this process; null in helper processes and where no location uses the gateway.
Worker *worker();

ngx_int_t start_worker(ngx_cycle_t *cycle) noexcept;
void stop_worker(ngx_cycle_t *cycle) noexcept;

}  // namespace gateway

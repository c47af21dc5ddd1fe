// The objects of one worker process. Created after the fork, destroyed before the process exits.
#pragma once

#include "core/bytes/held_disk.h"
#include "core/callback_owner.h"
#include "core/limits/accounts.h"
#include "core/limits/health.h"
#include "core/limits/keys_in_use.h"
#include "core/limits/ledger.h"
#include "core/long_tasks.h"
#include "core/metrics/recorder.h"
#include "core/ports.h"
#include "core/routing/failure_storms.h"
#include "core/routing/span_recorder.h"
#include "core/s3/cleanup.h"
#include "core/sharing/job_queue.h"
#include "core/sharing/orphaned_jobs.h"
#include "core/tracing/span_exporter.h"
#include "nginx/accounts_rules.h"
#include "nginx/event_loop.h"
#include "nginx/jwks_source.h"
#include "nginx/making_home.h"
#include "nginx/ngx.h"
#include "nginx/request_ports.h"
#include "nginx/sockets.h"
#include "nginx/task_pool.h"
#include "nginx/usage_writer.h"
#include "nginx/watched_file.h"
#include "nginx/zone.h"
#include "upstream/curl_client.h"

namespace gateway {

struct MainConf;
class Worker;

class NgxClock final : public Clock {
 public:
    // nginx's cached time, which is updated once per turn of the event loop.
    [[nodiscard]] Milliseconds now() const override {
        return Milliseconds(static_cast<int64_t>(ngx_current_msec));
    }
    [[nodiscard]] int64_t unix_seconds() const override { return ngx_time(); }
    [[nodiscard]] int64_t unix_milliseconds() const override {
        const ngx_time_t &now = *ngx_timeofday();
        return int64_t{now.sec} * 1000 + static_cast<int64_t>(now.msec);
    }
};

// Random numbers of OpenSSL, fetched in larger portions, because each fetch costs a lock and one or
// two system calls.
class NgxRandom final : public Random {
 public:
    void fill(std::span<uint8_t> bytes) override;

 private:
    std::array<uint8_t, 1024> store_{};
    size_t left_ = 0;
};

class Webhooks;

// Accounts that several machines share, with what they need.
struct SharedAccounts {
    SharedAccounts(const AccountsRules &rules, Worker &worker, CallbackOwner &owner);

    ErrorLog log;
    NgxByteStreams streams;
    RedisAccounts accounts;
};

class Worker final : private CallbackOwner {
 public:
    explicit Worker(MainConf &main);
    // Ends running requests, so that their usage is recorded.
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
    std::shared_ptr<HeldDisk> disk;
    std::shared_ptr<LongTasks> long_tasks;
    CurlEngine engine;
    CurlClient upstream;
    ZoneMemory ledger_memory;
    ZoneMemory health_memory;
    ZoneMemory keys_memory;
    ZoneMemory budget_memory;
    Ledger ledger;
    LedgerAccounts own_accounts;
    std::unique_ptr<SharedAccounts> shared_accounts;  // null: only this machine's
    Accounts *accounts;
    Health health;
    KeysInUse keys_in_use;
    FailureStorms storms{clock};
    std::unique_ptr<UsageWriter> usage;     // null: usage is not recorded
    std::unique_ptr<RecordsQueue> records;  // null: without a state file
    // For metrics and the status; not set: no location shows them.
    std::optional<ZoneMemory> metrics_memory;
    std::optional<Counters> counters;
    std::optional<Recorder> recorder;
    ErrorLog log{ngx_cycle->log};
    // Not set: spans are not exported.
    std::optional<SpanQueue> spans;
    std::optional<SpanRecorder> span_recorder;
    std::optional<SpanExporter> span_exporter;
    NgxMakingHome home{*this};
    MakingRegister makings;  // destroyed before what its makings use
    WaitingPlaces waiting_places{ledger, clock, static_cast<int32_t>(ngx_pid)};
    JobQueue queue{clock, loop, health, waiting_places};
    ngx_queue_t requests{};  // of RequestPlaces

    // Brings what this worker says about itself up to date.
    void show_gauges();

 private:
    // For the worker's own callbacks. Each callback sets its next timer before it can throw.
    void end_by_exception(const char *what) noexcept override;
    void sweep();
    void begin_counting(MainConf &main);
    void begin_tracing(const MainConf &main);
    void tell_when_full();
    void write_orphaned(const Orphaned &orphaned);
    void watch_files(MainConf &main);
    void look_for_orphaned_jobs(const MainConf &main);
    void clean_buckets(const MainConf &main);

    ErrorLog log_{ngx_cycle->log};
    std::unique_ptr<Alarm> sweep_alarm_;
    std::unique_ptr<Alarm> gauges_alarm_;
    // For the makings of dead workers.
    std::optional<NgxRecords> records_;
    std::optional<OrphanedJobs> orphaned_jobs_;
    std::optional<Milliseconds> told_full_;
    size_t times_full_ = 0;
    size_t calls_refused_ = 0;  // like times_full_, for calls to providers
    std::vector<std::unique_ptr<WatchedFile>> watched_;
    std::vector<std::unique_ptr<JwksSource>> jwks_;
    std::vector<std::unique_ptr<BucketCleanup>> cleanups_;
    std::unique_ptr<Webhooks> webhooks_;  // null: no messages are sent
};

// Whether there is a process of this number.
bool is_process_alive(int32_t process);

// Whether this process is told to end. On any thread.
bool is_ending();

// The worker of this process. Null in nginx's helper processes, and if no location uses the
// gateway.
Worker *worker();

ngx_int_t start_worker(ngx_cycle_t *cycle) noexcept;
void stop_worker(ngx_cycle_t *cycle) noexcept;

}  // namespace gateway

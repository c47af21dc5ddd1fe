#include "nginx/worker.h"

#include <openssl/rand.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>

#include "core/bytes/openssl_errors.h"
#include "nginx/conf.h"
#include "nginx/guard.h"
#include "nginx/request_context.h"
#include "nginx/webhooks.h"

namespace gateway {

namespace {

constexpr Milliseconds kSweepInterval{10'000};
constexpr Milliseconds kGaugesInterval{1'000};

// Runtime state, not configuration. It survives a reload only in a process without workers.
std::unique_ptr<Worker> the_worker;

}  // namespace

bool is_ending() {
    return ngx_exiting != 0 || ngx_quit != 0 || ngx_terminate != 0;
}

bool is_process_alive(int32_t process) {
    return kill(process, 0) == 0 || errno != ESRCH;
}

void NgxRandom::fill(std::span<uint8_t> bytes) {
    while (!bytes.empty()) {
        if (left_ == 0) {
            if (RAND_bytes(store_.data(), static_cast<int>(store_.size())) != 1) {
                const OpenSslErrors emptied;
                throw std::runtime_error("no random numbers");
            }
            left_ = store_.size();
        }
        const size_t count = std::min(bytes.size(), left_);
        std::copy_n(store_.end() - static_cast<std::ptrdiff_t>(left_), count, bytes.begin());
        left_ -= count;
        bytes = bytes.subspan(count);
    }
}

SharedAccounts::SharedAccounts(const AccountsRules &rules, Worker &worker, CallbackOwner &owner)
    : log(ngx_cycle->log),
      streams(rules.target, worker.tasks, worker.loop, owner),
      accounts(rules.redis, worker.ledger, static_cast<int32_t>(ngx_pid),
               {streams, worker.clock, worker.loop, worker.random, log}) {}

Worker::Worker(MainConf &main)
    : threads(main.threads),
      loop(*this),
      tasks(main.threads, *this),
      memory(HeldMemory::create(main.memory)),
      disk(HeldDisk::create(main.disk)),
      long_tasks(LongTasks::create({})),
      engine(clock, loop, sockets, *memory),
      upstream(engine, *this, loop),
      ledger_memory(main.zone, ZonePart::ledger, main.budget_zone),
      health_memory(main.zone, ZonePart::health, main.budget_zone),
      keys_memory(main.zone, ZonePart::keys_in_use, main.budget_zone),
      budget_memory(main.budget_zone, ZonePart::budgets, main.budget_zone),
      ledger(ledger_memory, budget_memory.region()),
      own_accounts(ledger, clock, static_cast<int32_t>(ngx_pid)),
      shared_accounts(main.accounts == nullptr
                          ? nullptr
                          : std::make_unique<SharedAccounts>(*main.accounts, *this,
                                                             static_cast<CallbackOwner &>(*this))),
      accounts(shared_accounts == nullptr ? static_cast<Accounts *>(&own_accounts)
                                          : &shared_accounts->accounts),
      health(health_memory, static_cast<int32_t>(ngx_pid)),
      keys_in_use(keys_memory, static_cast<int32_t>(ngx_pid), is_process_alive),
      makings(loop, health, home),
      sweep_alarm_(loop.make_alarm([this] { sweep(); }, TimerKind::idle)) {
    ngx_queue_init(&requests);
    begin_counting(main);
    begin_tracing(main);
    for (const auto &provider : main.models.providers()) {
        engine.prepare(provider->ca_file);
    }
    watch_files(main);
    if (!main.state.path.empty()) {
        usage = std::make_unique<UsageWriter>(
            main.state,
            UsageWriter::Parts{
                clock, loop, tasks, ledger,
                LedgerMemory{std::make_shared<ZoneMemory>(ledger_memory), budget_memory.region()},
                state_file_number(main.budget_zone), static_cast<int32_t>(ngx_pid), ngx_worker == 0,
                is_ending});
        KeyRings keys;
        for (const auto &[path, file] : main.key_files) {
            if (file.ring != nullptr) {
                keys.push_back(file.ring);
            }
        }
        usage->start(is_process_alive, std::move(keys));
        records = std::make_unique<RecordsQueue>(main.state.path + ".records", clock, loop, tasks,
                                                 ngx_worker == 0);
        look_for_orphaned_jobs(main);
        if (!main.webhooks.empty()) {
            for (const auto &rules : main.webhooks) {
                engine.prepare(rules->ca_file);
            }
            CallbackOwner &owner = *this;
            webhooks_ = std::make_unique<Webhooks>(*this, owner, main.webhooks);
        }
    }
    sweep();
    for (const auto &[address, source] : main.jwks_addresses) {
        engine.prepare(address.ca_file);
        jwks_.push_back(
            std::make_unique<JwksSource>(address, source, clock, loop, random, tasks, upstream));
    }
    clean_buckets(main);
}

Worker::~Worker() {
    if (records != nullptr) {
        records->stop();
    }
    while (!ngx_queue_empty(&requests)) {
        const ngx_queue_t *first = ngx_queue_head(&requests);
        (ngx_queue_data(first, RequestPlace, link))->request->cancel();
    }
    if (counters) {
        counters->leave_process();
    }
}

void Worker::look_for_orphaned_jobs(const MainConf &main) {
    const auto place_of = [&main](std::string_view name) -> std::optional<MakingPlace> {
        const auto found = main.making_places.find(name);
        if (found == main.making_places.end()) {
            return std::nullopt;
        }
        const Policy &policy = *found->second;
        return MakingPlace{policy.hosting, policy.fetch_rules, policy.keys};
    };
    Records &records_of_worker = records_.emplace(*records, static_cast<CallbackOwner &>(*this));
    orphaned_jobs_.emplace(OrphanedJobs::Parts{clock, loop, log_, *memory, records_of_worker,
                                               makings, main.models, *accounts, place_of,
                                               is_ending});
}

// One worker removes what has expired, for all of this machine.
void Worker::clean_buckets(const MainConf &main) {
    for (const auto &store : main.stores) {
        const auto &bucket = store->hosting->bucket;
        if (bucket == nullptr) {
            continue;
        }
        engine.prepare(bucket->ca_file);
        if (ngx_worker == 0) {
            cleanups_.push_back(std::make_unique<BucketCleanup>(
                BucketCleanup::Parts{clock, loop, random, upstream, log_}, bucket));
        }
    }
}

void Worker::begin_counting(MainConf &main) {
    if (main.metrics_zone == nullptr) {
        return;
    }
    metrics_memory.emplace(main.metrics_zone, ZonePart::metrics, main.metrics_zone);
    counters.emplace(*metrics_memory, ngx_worker);
    recorder.emplace(*counters, main.models, clock, main.gen_ai_metrics);
    if (!counters->enter_process(static_cast<int32_t>(ngx_pid), clock.unix_seconds(),
                                 is_process_alive)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "image gateway: there is no room for the gauges of one more worker");
    }
    gauges_alarm_ = loop.make_alarm([this] { show_gauges(); }, TimerKind::idle);
    show_gauges();
}

void Worker::begin_tracing(const MainConf &main) {
    if (!main.otlp) {
        return;
    }
    engine.prepare(main.otlp->ca_file);
    const SpanTally tally = [this](SpanFate fate, size_t count) {
        if (recorder) {
            recorder->on_spans(fate, count);
        }
    };
    spans.emplace(main.otlp->limits, tally);
    span_recorder.emplace(*spans, main.models, clock);
    span_exporter.emplace(*main.otlp, *spans,
                          SpanExporter::Parts{clock, loop, random, upstream, log, is_ending},
                          tally);
}

void Worker::show_gauges() {
    gauges_alarm_->set(kGaugesInterval);
    counters->set(ProcessGauge::memory_held, static_cast<int64_t>(memory->total()));
    counters->set(ProcessGauge::memory_limit, static_cast<int64_t>(memory->limit()));
    const MakingRegister::Jobs jobs = makings.count_jobs();
    counters->set(ProcessGauge::jobs_running, jobs.running);
    counters->set(ProcessGauge::jobs_waiting, jobs.waiting);
    counters->set(ProcessGauge::state_lag, usage == nullptr ? -1 : usage->lag().count());
    counters->set(ProcessGauge::state_writable, usage == nullptr || usage->is_writable() ? 1 : 0);
}

// Applies contents that another thread has read to this worker's copy of the configuration. Running
// requests keep what they started with.
void Worker::watch_files(MainConf &main) {
    using Applied = tl::expected<WatchedFile::Apply, std::string>;
    const auto watch = [&](const std::string &path, const std::shared_ptr<SharedCopy> &copy,
                           WatchedFile::Read read, const WatchedFile::Forget &forget) {
        watched_.push_back(
            std::make_unique<WatchedFile>(loop, tasks, path, copy, std::move(read), forget));
    };
    if (!main.catalog_file.empty()) {
        const auto read = [&main, below = main.built_in](const std::string &text) -> Applied {
            auto read = Catalogue::read(text, below.get());
            if (!read) {
                return tl::unexpected(std::move(read.error()));
            }
            if (auto checked = main.models.check(*read); !checked) {
                return tl::unexpected(std::move(checked.error()));
            }
            auto catalogue = std::make_shared<const Catalogue>(std::move(*read));
            return [&main, catalogue]() mutable {
                std::shared_ptr<const void> old = main.models.catalogue();
                main.models.use(std::move(catalogue));
                return old;
            };
        };
        watch(main.catalog_file, main.catalog_copy, read,
              [&main] { main.models.forget_catalogue(); });
    }
    for (auto &[path, file] : main.jwks_files) {
        const auto read = [source = file.source](const std::string &text) -> Applied {
            auto read = KeySet::read(text, KeySet::Origin::file);
            if (!read) {
                return tl::unexpected(std::move(read.error()));
            }
            return [source, keys = std::move(*read)]() mutable {
                return std::shared_ptr<const void>(std::exchange(source->keys, std::move(keys)));
            };
        };
        watch(path, file.copy, read, [source = file.source] { source->keys = nullptr; });
    }
    for (auto &[path, file] : main.webhook_keys) {
        const auto read = [source = file.source](const std::string &text) -> Applied {
            auto read = WebhookKeys::read(text);
            if (!read) {
                return tl::unexpected("it " + read.error());
            }
            auto keys = std::make_shared<const WebhookKeys>(std::move(*read));
            return [source, keys]() mutable {
                return std::shared_ptr<const void>(std::exchange(source->keys, std::move(keys)));
            };
        };
        watch(path, file.copy, read, [source = file.source] { source->keys = nullptr; });
    }
    for (auto &[path, file] : main.key_files) {
        const auto use = [](KeyFile &file, std::shared_ptr<const KeyRing> ring) {
            for (Policy *policy : file.users) {
                policy->keys = ring;
            }
            return std::shared_ptr<const void>(std::exchange(file.ring, std::move(ring)));
        };
        const auto read = [&file = file, use](const std::string &text) -> Applied {
            auto read = KeyRing::read(text);
            if (!read) {
                return tl::unexpected(std::move(read.error()));
            }
            return [&file, use, ring = std::move(*read)]() mutable {
                return use(file, std::move(ring));
            };
        };
        watch(path, file.copy, read, [&file = file, use] { (void)use(file, KeyRing::unknown()); });
    }
}

void Worker::end_by_exception(const char *what) noexcept {
    ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0, "image gateway: worker: %s", what);
}

void Worker::sweep() {
    sweep_alarm_->set(kSweepInterval);
    sockets.sweep();
    const Moment now{clock.unix_seconds(), clock.now().count()};
    const size_t swept = ledger.sweep(now, is_process_alive, [this](const Orphaned &lost) {
        write_orphaned(lost);
    }) + health.sweep(now, is_process_alive);
    if (usage != nullptr) {
        usage->write_what_is_left();
    }
    tell_when_full();
    ErrorLog log(ngx_cycle->log);
    storms.tell_rest(log);
    if (swept > 0) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "image gateway: released %uz leases of dead workers", swept);
    }
}

void Worker::write_orphaned(const Orphaned &orphaned) {
    if (usage != nullptr) {
        UsageRecord record;
        record.unix_milliseconds = clock.unix_seconds() * 1000;
        record.key = orphaned.key;
        record.budget_account = orphaned.account;
        record.counted = orphaned.usd;
        record.outcome = "worker_died";
        usage->write(std::move(record));
    }
}

void Worker::tell_when_full() {
    constexpr Milliseconds kTellAgain{60'000};
    const size_t parties = ledger.take_times_full();
    const size_t calls = health.take_times_full();
    times_full_ += parties;
    calls_refused_ += calls;
    if (recorder) {
        recorder->on_zone_full(parties, calls);
    }
    const bool is_full = times_full_ > 0 || calls_refused_ > 0;
    if (!is_full || (told_full_ && clock.now() - *told_full_ < kTellAgain)) {
        return;
    }
    told_full_ = clock.now();
    if (times_full_ > 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "image gateway: image_gateway_zone is full: %uz times there was no room "
                      "to count a caller, or counters of another caller were removed for it",
                      std::exchange(times_full_, 0));
    }
    if (calls_refused_ > 0) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "image gateway: image_gateway_zone is full: %uz calls to providers with "
                      "max_calls were not made, because there was no room to count them",
                      std::exchange(calls_refused_, 0));
    }
}

Worker *worker() {
    return the_worker.get();
}

ngx_int_t start_worker(ngx_cycle_t *cycle) noexcept {
    // This also runs in the cache manager and loader.
    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }
    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == nullptr) {
        return NGX_OK;
    }
    return guard_or<ngx_int_t>("worker start", NGX_ERROR, [=]() -> ngx_int_t {
        auto *main = static_cast<MainConf *>(
            ngx_http_cycle_get_module_main_conf(cycle, ngx_http_image_gateway_module));
        if (main != nullptr && main->budget_zone != nullptr) {
            if (ngx_process == NGX_PROCESS_WORKER) {
                leave_zone_file_to_master(main->zone);
                leave_zone_file_to_master(main->budget_zone);
            }
            the_worker = std::make_unique<Worker>(*main);
        }
        return NGX_OK;
    });
}

void stop_worker(ngx_cycle_t * /*cycle*/) noexcept {
    guard("worker stop", [] { the_worker.reset(); });
}

}  // namespace gateway

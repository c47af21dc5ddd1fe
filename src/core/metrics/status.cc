#include "core/metrics/status.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/money.h"
#include "core/providers/dialect.h"
#include "core/version.h"

namespace gateway {

namespace {

constexpr int64_t kMinuteSeconds = 60;
constexpr size_t kKeysAtOnce = 32;
constexpr double kMedian = 0.5;
constexpr double kP95 = 0.95;
constexpr double kP99 = 0.99;

void write_or_null(JsonWriter &json, std::string_view name, std::optional<int64_t> value) {
    json.key(name);
    value ? json.number(*value) : json.null();
}

void write_count(JsonWriter &json, std::string_view name, uint64_t value) {
    json.key(name).number(static_cast<int64_t>(value));
}

// Milliseconds from now as unix seconds, rounded up.
std::optional<int64_t> time_after(int64_t milliseconds, const ReportSources &sources) {
    constexpr int64_t kThousand = 1'000;
    return milliseconds <= 0 ? std::nullopt
                             : std::optional(sources.clock.unix_seconds() +
                                             (milliseconds + kThousand - 1) / kThousand);
}

std::string_view state_of(const BreakerView &breaker) {
    if (!breaker.is_open) {
        return "closed";
    }
    return breaker.is_half_open ? "half_open" : "open";
}

}  // namespace

Status::Status(ReportSources sources)
    : sources_(std::move(sources)), processes_(sources_.counters.processes(sources_.is_alive)) {}

bool Status::write_some(Bytes &out) {
    bool more = false;
    switch (step_) {
        case Step::head: write_head(); break;
        case Step::minutes: write_minutes(); break;
        case Step::providers: more = write_provider(); break;
        case Step::keys:
            for (size_t i = 0; i < kKeysAtOnce && (i == 0 || more); ++i) {
                more = write_key();
            }
            break;
        case Step::models: write_models(); break;
        case Step::tail: write_tail(); break;
        case Step::done: return false;
    }
    if (!more) {
        step_ = static_cast<Step>(static_cast<uint8_t>(step_) + 1);
    }
    out.append(json_.take());
    return step_ != Step::done;
}

int64_t Status::sum_of(ProcessGauge gauge) const {
    int64_t sum = 0;
    for (const Counters::Process &process : processes_) {
        sum += process[gauge];
    }
    return std::max<int64_t>(0, sum);
}

void Status::write_head() {
    json_.open_object().key("object").string("status").key("version").string(kVersion);
    json_.key("nginx_version").string(sources_.server_version);
    json_.key("ready").boolean(is_ready()).key("not_ready").open_array();
    for (const std::string &reason : sources_.not_ready) {
        json_.string(reason);
    }
    json_.close_array().key("now").number(sources_.clock.unix_seconds());
    json_.key("configuration").open_object();
    json_.key("loaded_at").number(sources_.counters.loaded_at()).close_object();
    json_.key("counting_since").number(sources_.counters.counting_since());
    json_.key("workers").open_array();
    for (const Counters::Process &process : processes_) {
        json_.open_object().key("pid").number(int64_t{process.process});
        json_.key("since").number(process.since).close_object();
    }
    json_.close_array();
}

void Status::write_latency(std::span<const uint64_t> durations, bool with_p99) {
    const auto write = [&](std::string_view name, double part) {
        const auto value = quantile(durations, part);
        write_or_null(json_, name,
                      value ? std::optional(static_cast<int64_t>(*value + kMedian)) : std::nullopt);
    };
    json_.key("latency_ms").open_object();
    write("p50", kMedian);
    write("p95", kP95);
    if (with_p99) {
        write("p99", kP99);
    }
    json_.close_object();
}

void Status::write_minutes() {
    json_.key("requests").open_object();
    json_.key("in_flight").number(sum_of(ProcessGauge::in_progress));
    json_.key("parked").number(sum_of(ProcessGauge::parked));
    json_.key("last_minutes").open_array();
    const int64_t now = sources_.clock.unix_seconds() / kMinuteSeconds;
    const int64_t first = std::max(now - static_cast<int64_t>(Counters::kMinutes) + 1,
                                   sources_.counters.counting_since() / kMinuteSeconds);
    for (int64_t minute = first; minute <= now; ++minute) {
        const MinuteSums sums = sources_.counters.minute(minute);
        json_.open_object().key("minute").number(minute * kMinuteSeconds);
        write_count(json_, "requests", sums[MinuteCell::requests]);
        write_count(json_, "made", sums[MinuteCell::made]);
        write_count(json_, "refused", sums[MinuteCell::refused]);
        write_count(json_, "failed", sums[MinuteCell::failed]);
        write_count(json_, "images", sums[MinuteCell::images]);
        json_.key("cost_usd").json(dollars(static_cast<MicroUsd>(sums[MinuteCell::micro_usd])));
        write_latency(sums.durations, false);
        json_.close_object();
    }
    json_.close_array().close_object();
    json_.key("providers").open_array();
}

bool Status::write_provider() {
    const auto &providers = sources_.models.providers();
    if (provider_ >= providers.size()) {
        json_.close_array().key("keys").open_array();
        return false;
    }
    const Provider &provider = *providers[provider_++];
    const std::vector<ModelShown> models = models_shown(sources_, provider);
    const auto number = sources_.counters.find_provider(provider.name);
    json_.open_object().key("name").string(provider.name);
    json_.key("type").string(provider.dialect->name()).key("models").open_array();
    for (const ModelShown &model : models) {
        json_.string(model.model);
    }
    json_.close_array().key("breakers").open_array();
    for (const ModelShown &model : models) {
        json_.open_object().key("model").string(model.model);
        json_.key("state").string(state_of(model.breaker));
        write_or_null(json_, "until", time_after(model.breaker.wait, sources_));
        json_.close_object();
    }
    json_.close_array().key("keys").open_array();
    const std::vector<int64_t> rests = rests_shown(sources_, provider, models);
    for (size_t i = 0; i < rests.size(); ++i) {
        json_.open_object().key("number").number(static_cast<int64_t>(i + 1));
        write_or_null(json_, "resting_until", time_after(rests[i], sources_));
        const auto reason =
            rests[i] > 0 && number ? sources_.counters.key_reason(*number, i) : std::nullopt;
        json_.key("reason");
        reason ? json_.string(name_of(*reason)) : json_.null();
        json_.close_object();
    }
    int64_t calls = 0;
    ProviderSums sums;
    if (number) {
        for (const Counters::Process &process : processes_) {
            calls += process.calls[*number];
        }
        sums = sources_.counters.last_minutes(*number, sources_.clock.unix_seconds());
    }
    json_.close_array().key("calls").number(std::max<int64_t>(0, calls));
    write_latency(sums.durations, true);
    json_.key("outcomes").open_object();
    for (size_t i = 0; i < sums.outcomes.size(); ++i) {
        if (sums.outcomes[i] > 0) {
            write_count(json_, name_of(static_cast<OutcomeType>(i)), sums.outcomes[i]);
        }
    }
    json_.close_object().close_object();
    return true;
}

bool Status::write_key() {
    const bool is_full = keys_written_ == kMaxKeysShown;
    while (!is_full && ring_ < sources_.keys.size() &&
           (sources_.keys[ring_].ring == nullptr || key_ >= sources_.keys[ring_].ring->size())) {
        ++ring_;
        key_ = 0;
    }
    if (is_full || ring_ >= sources_.keys.size()) {
        json_.close_array();
        return false;
    }
    const KeysShown &shown = sources_.keys[ring_];
    const Key &key = shown.ring->keys()[key_++];
    if (!seen_.insert(key.id).second) {
        return true;  // it is in another file, too, and counts together
    }
    ++keys_written_;
    const KeyUse use = sources_.ledger.use_of(key.account, sources_.moment());
    const auto budget_of = [&](Period period) {
        return std::find_if(key.budgets.begin(), key.budgets.end(),
                            [=](const Budget &one) { return one.per == period; });
    };
    json_.open_object().key("id").string(key.id).key("spent").open_array();
    for (size_t i = 0; i < kPeriods; ++i) {
        const auto budget = budget_of(static_cast<Period>(i));
        json_.open_object().key("per").string(name_of(static_cast<Period>(i)));
        json_.key("usd").json(dollars(use.spent[i])).key("limit");
        budget == key.budgets.end() ? json_.null() : json_.json(dollars(budget->usd));
        json_.close_object();
    }
    json_.close_array().key("limits").open_array();
    const Limits limits = key.limits.or_else(shown.defaults);
    for (size_t i = 0; i < use.used.size(); ++i) {
        if (const int64_t limit = limits.*kLimitRows[i].value; limit > 0) {
            json_.open_object().key("name").string(kLimitRows[i].json_name);
            json_.key("used").number(use.used[i]).key("limit").number(limit).close_object();
        }
    }
    json_.close_array().close_object();
    return true;
}

void Status::write_models() {
    struct Sums {
        uint64_t requests = 0;
        uint64_t images = 0;
        uint64_t cost = 0;
    };
    std::map<std::string, Sums> models;
    for (size_t i = 0; i < sources_.counters.rows(); ++i) {
        const Counters::RowView row = sources_.counters.at(i);
        uint64_t Sums::*sum = row.series == Series::model_requests ? &Sums::requests
                              : row.series == Series::model_images ? &Sums::images
                              : row.series == Series::model_cost   ? &Sums::cost
                                                                   : nullptr;
        if (sum != nullptr) {
            models[std::string(label_of(row, 0))].*sum += sources_.counters.sum(row.cell);
        }
    }
    json_.key("models").open_array();
    for (const auto &[model, sums] : models) {
        json_.open_object().key("model").string(model);
        write_count(json_, "requests", sums.requests);
        write_count(json_, "images", sums.images);
        json_.key("cost_usd").json(dollars(static_cast<MicroUsd>(sums.cost))).close_object();
    }
    json_.close_array();
}

void Status::write_tail() {
    json_.key("failures").open_array();
    for (const Failure &failure : sources_.counters.failures()) {
        json_.open_object().key("time").number(failure.time);
        json_.key("request_id").string(failure.request_id);
        json_.key("provider").string(failure.provider).key("model").string(failure.model);
        json_.key("outcome").string(name_of(failure.outcome));
        json_.key("status").number(int64_t{failure.status});
        json_.key("code").string(failure.code).close_object();
    }
    json_.close_array().key("jobs");
    if (sources_.has_state) {
        json_.open_object().key("running").number(sum_of(ProcessGauge::jobs_running));
        json_.key("waiting").number(sum_of(ProcessGauge::jobs_waiting)).close_object();
    } else {
        json_.null();
    }
    json_.key("store");
    if (const auto store = stores_shown(sources_)) {
        json_.open_object().key("bytes").number(store->bytes).key("files").number(store->files);
        json_.key("max").number(store->max).close_object();
    } else {
        json_.null();
    }
    json_.key("memory").open_object().key("held").number(sum_of(ProcessGauge::memory_held));
    json_.key("limit").number(sum_of(ProcessGauge::memory_limit)).close_object().key("state");
    if (sources_.has_state) {
        int64_t lag = 0;
        bool writable = true;
        for (const Counters::Process &process : processes_) {
            lag = std::max(lag, process[ProcessGauge::state_lag]);
            writable = writable && process[ProcessGauge::state_writable] != 0;
        }
        json_.open_object().key("lag_ms").number(lag).key("writable").boolean(writable);
        json_.close_object();
    } else {
        json_.null();
    }
    json_.close_object();
}

}  // namespace gateway

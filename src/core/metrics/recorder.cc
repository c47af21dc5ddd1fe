#include "core/metrics/recorder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/providers/gen_ai_name.h"
#include "core/request/operation.h"

namespace gateway {

namespace {

constexpr int kFirstError = 400;
constexpr int kFirstFailure = 500;

std::string_view outcome_of(const RequestFacts &facts) {
    if (!facts.exchange.outcome().empty()) {
        return facts.exchange.outcome();
    }
    return facts.status < kFirstError ? "served" : "refused";
}

bool is_same_candidate(const AttemptRecord &a, const AttemptRecord &b) {
    return a.provider == b.provider && a.model == b.model;
}

}  // namespace

Recorder::Recorder(Counters &counters, const ModelMap &models, const Clock &clock, bool gen_ai)
    : counters_(counters), models_(models), clock_(clock), gen_ai_(gen_ai), labels_(models) {
    for (const auto &provider : models.providers()) {
        (void)entry_of(*provider);
    }
}

const Recorder::ProviderEntry &Recorder::entry_of(const Provider &provider) {
    const auto known =
        std::find_if(providers_.begin(), providers_.end(),
                     [&](const ProviderEntry &one) { return one.provider == &provider; });
    if (known != providers_.end()) {
        return *known;
    }
    providers_.push_back({&provider, counters_.provider(provider.name),
                          labels_.of_text(provider.name), gen_ai_name_of(provider)});
    return providers_.back();
}

const Recorder::ProviderEntry *Recorder::entry_of(std::string_view name) {
    const Provider *provider = models_.provider(name);
    return provider == nullptr ? nullptr : &entry_of(*provider);
}

// The texts of the labels are needed only for the first use of a row in this worker.
template <typename... Ids>
const Counters::Row &Recorder::row(Series series, Ids... ids) {
    constexpr unsigned kIdBits = 16;
    constexpr size_t kMaxRows = 65'536;
    const std::array<Id, 6> all = {static_cast<Id>(series), static_cast<Id>(ids)...};
    static_assert(sizeof...(ids) < 6);
    Key key;
    for (size_t i = 0; i < 4; ++i) {
        key.low |= uint64_t{all[i]} << (kIdBits * i);
    }
    key.high = all[4] | uint64_t{all[5]} << kIdBits;
    const auto known = rows_.find(key);
    if (known != rows_.end()) {
        return known->second;
    }
    const std::array<std::string_view, sizeof...(ids)> labels = {labels_.text(ids)...};
    if (rows_.size() == kMaxRows) {
        rows_.clear();
    }
    return rows_.emplace(key, counters_.row(series, labels)).first->second;
}

// ---- attempts

void Recorder::on_call_begin(const Provider &provider) {
    counters_.add_call(entry_of(provider).number, 1);
}

void Recorder::on_call_end(const Provider &provider) {
    counters_.add_call(entry_of(provider).number, -1);
}

void Recorder::on_attempt_end(const AttemptEnd &end) {
    const AttemptRecord &record = end.record;
    const ProviderEntry &provider = entry_of(*end.candidate.provider);
    const Id model = labels_.of_model(*end.candidate.provider, end.candidate.model);
    counters_.add(row(Series::attempts, provider.name, model,
                      labels_.of_text(end.dropped ? "client_gone" : name_of(record.outcome))),
                  1);
    const auto latency = static_cast<uint64_t>(std::max<int64_t>(0, record.latency));
    counters_.observe(row(Series::attempt_duration, provider.name, model), latency);
    if (end.traffic.sent > 0) {
        counters_.add(row(Series::provider_sent, provider.name), end.traffic.sent);
    }
    if (end.traffic.received > 0) {
        counters_.add(row(Series::provider_received, provider.name), end.traffic.received);
    }
    if (end.dropped) {
        return;
    }
    const int64_t now = clock_.unix_seconds();
    counters_.count_attempt(provider.number, record.outcome, record.latency, now);
    switch (record.outcome) {
        case OutcomeType::our_credentials:
        case OutcomeType::out_of_quota:
        case OutcomeType::throttled:
            if (end.key) {
                counters_.note_key(provider.number, *end.key, record.outcome);
            }
            break;
        default: break;
    }
    if (record.outcome != OutcomeType::made) {
        counters_.note_failure({now, std::string(end.request_id), record.provider,
                                std::string(labels_.text(model)), record.outcome, record.status,
                                record.code});
    }
}

// ---- requests

Recorder::Maker Recorder::maker_of(const std::vector<AttemptRecord> &attempts) {
    if (attempts.empty()) {
        return {};
    }
    const ProviderEntry *provider = entry_of(attempts.back().provider);
    if (provider == nullptr) {
        return {LabelBook::kOther, LabelBook::kOther, kOtherLabel};
    }
    return {provider->name, labels_.of_model(*provider->provider, attempts.back().model),
            provider->gen_ai_name};
}

void Recorder::record(const RequestFacts &facts) {
    const Exchange &exchange = facts.exchange;
    const Id operation = labels_.of_text(facts.operation);
    const Id outcome = labels_.of_text(outcome_of(facts));
    const Maker maker = maker_of(exchange.attempts());
    const Timing timing = exchange.timing();
    const int64_t total = std::max<int64_t>(0, timing.total.count());
    counters_.add(row(Series::requests, operation, labels_.of_request(exchange.requested_model()),
                      maker.provider, labels_.of_text(std::to_string(facts.status)), outcome),
                  1);
    counters_.observe(row(Series::request_duration, operation, maker.provider),
                      static_cast<uint64_t>(total));
    if (facts.first_byte) {
        counters_.observe(row(Series::first_byte, operation),
                          static_cast<uint64_t>(std::max<int64_t>(0, *facts.first_byte)));
    }
    counters_.add(row(Series::received, operation), facts.received);
    counters_.add(row(Series::sent, operation), facts.sent);
    if (!facts.makes_images) {
        return;
    }
    counters_.observe(row(Series::own_duration, operation),
                      static_cast<uint64_t>(timing.own().count()));
    if (!exchange.limited().limit.empty()) {
        counters_.add(row(Series::limits_exceeded, labels_.of_text(exchange.limited().party),
                          labels_.of_text(exchange.limited().limit)),
                      1);
    }
    record_reply(exchange, outcome);
    record_minute(facts, total);
    if (gen_ai_) {
        record_gen_ai(facts, maker, outcome, total);
    }
}

void Recorder::record_reply(const Exchange &exchange, Id outcome) {
    for (const Adjustment &adjustment : exchange.adjustments()) {
        const bool is_param = param_named(adjustment.param).has_value();
        counters_.add(row(Series::adjustments,
                          is_param ? labels_.of_text(adjustment.param) : LabelBook::kOther),
                      1);
    }
    if (exchange.images() > 0 && exchange.attempts().empty()) {
        counters_.add(row(Series::images_again, outcome), exchange.images());
    }
}

void Recorder::on_request_end(const RequestEnd &end) {
    record_history(end.history);
    record_images(end);
}

// Attempts themselves are counted when they end.
void Recorder::record_history(const History &history) {
    const std::vector<AttemptRecord> &attempts = history.attempts();
    for (size_t i = 1; i < attempts.size(); ++i) {
        bool is_other_model = true;
        bool is_repeated = false;
        for (size_t k = 0; k < i && !is_repeated; ++k) {
            const bool is_same = is_same_candidate(attempts[k], attempts[i]);
            is_other_model = is_other_model && !is_same;
            is_repeated = is_same && attempts[k].call == attempts[i].call;
        }
        if (is_repeated || is_other_model) {
            const ProviderEntry *provider = entry_of(attempts[i].provider);
            const Id name = provider == nullptr ? LabelBook::kOther : provider->name;
            counters_.add(row(is_repeated ? Series::retries : Series::fallbacks, name), 1);
        }
    }
    for (const SkipRecord &skip : history.skipped()) {
        const ProviderEntry *provider = entry_of(skip.provider);
        counters_.add(row(Series::skips, provider == nullptr ? LabelBook::kOther : provider->name,
                          labels_.of_text(name_of(skip.by))),
                      1);
    }
}

void Recorder::record_images(const RequestEnd &end) {
    const Maker maker = maker_of(end.history.attempts());
    const Id model = labels_.of_request(end.requested_model);
    const auto images = static_cast<uint64_t>(std::max<int64_t>(0, end.images));
    const auto lost = static_cast<uint64_t>(std::max<int64_t>(0, end.images_lost));
    if (images > 0) {
        counters_.add(row(Series::images, maker.provider, maker.model), images);
        counters_.count_minute(MinuteCell::images, images, end.unix_seconds);
        counters_.add(row(Series::model_images, model), images);
    }
    if (lost > 0) {
        counters_.add(row(Series::images_lost, maker.provider, maker.model), lost);
    }
    if (end.cost && *end.cost > 0) {
        const auto cost = static_cast<uint64_t>(*end.cost);
        counters_.add(row(Series::cost, maker.provider, maker.model), cost);
        counters_.count_minute(MinuteCell::micro_usd, cost, end.unix_seconds);
        counters_.add(row(Series::model_cost, model), cost);
    } else if (!end.cost && images > 0) {
        counters_.add(row(Series::unpriced, maker.provider, maker.model), 1);
    }
}

// Also for each model, which is what the status shows.
void Recorder::record_minute(const RequestFacts &facts, int64_t total) {
    const int64_t now = clock_.unix_seconds();
    const MinuteCell end = facts.status < kFirstError     ? MinuteCell::made
                           : facts.status < kFirstFailure ? MinuteCell::refused
                                                          : MinuteCell::failed;
    counters_.count_minute(MinuteCell::requests, 1, now);
    counters_.count_minute(end, 1, now);
    counters_.add(row(Series::model_requests, labels_.of_request(facts.exchange.requested_model())),
                  1);
    counters_.count_minute_duration(total, now);
}

void Recorder::record_gen_ai(const RequestFacts &facts, const Maker &maker, Id outcome,
                             int64_t total) {
    const Exchange &exchange = facts.exchange;
    const Operation operation = exchange.operation().value_or(Operation::generate);
    const Id name = labels_.of_text(row_of(operation).request_type);
    const Id provider = labels_.of_text(maker.gen_ai_name);
    const Id requested = labels_.of_request(exchange.requested_model());
    const Id error = facts.status < kFirstError ? labels_.of_text("") : outcome;
    counters_.observe(row(Series::gen_ai_duration, name, provider, requested, maker.model, error),
                      static_cast<uint64_t>(total));
    const Usage *usage = exchange.usage();
    if (usage == nullptr || usage->total_tokens <= 0) {
        return;
    }
    const std::pair<std::string_view, int64_t> kinds[] = {{"input", usage->input_tokens},
                                                          {"output", usage->output_tokens}};
    for (const auto &[kind, tokens] : kinds) {
        counters_.observe(row(Series::gen_ai_tokens, name, provider, requested, maker.model,
                              labels_.of_text(kind)),
                          static_cast<uint64_t>(std::max<int64_t>(0, tokens)));
    }
}

void Recorder::on_spans(SpanFate fate, size_t count) {
    counters_.add(row(Series::spans, labels_.of_text(name_of(fate))), count);
}

void Recorder::on_messages(std::string_view outcome, size_t count) {
    counters_.add(row(Series::webhook_attempts, labels_.of_text(outcome)), count);
}

void Recorder::on_zone_full(size_t parties, size_t calls) {
    if (parties > 0) {
        counters_.add(row(Series::zone_full, labels_.of_text("party")), parties);
    }
    if (calls > 0) {
        counters_.add(row(Series::zone_full, labels_.of_text("call")), calls);
    }
}

}  // namespace gateway

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

// The entry for these labels; a new one if there is none yet.
template <typename Rows, typename... Ids>
auto &rows_of(Rows &rows, Ids... ids) {
    constexpr unsigned kIdBits = 16;
    constexpr size_t kMaxRows = 16'384;
    const std::array<LabelBook::Id, 6> all = {static_cast<LabelBook::Id>(ids)...};
    static_assert(sizeof...(ids) <= 6);
    typename Rows::key_type key;
    for (size_t i = 0; i < 4; ++i) {
        key.low |= uint64_t{all[i]} << (kIdBits * i);
    }
    key.high = all[4] | uint64_t{all[5]} << kIdBits;
    const auto known = rows.find(key);
    if (known != rows.end()) {
        return known->second;
    }
    if (rows.size() == kMaxRows) {
        rows.clear();
    }
    return rows[key];
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
    if (last_entry_ < providers_.size() && providers_[last_entry_].provider == &provider) {
        return providers_[last_entry_];
    }
    const auto known =
        std::find_if(providers_.begin(), providers_.end(),
                     [&](const ProviderEntry &one) { return one.provider == &provider; });
    last_entry_ = static_cast<size_t>(known - providers_.begin());
    if (known == providers_.end()) {
        providers_.push_back({&provider, counters_.provider(provider.name),
                              labels_.of_text(provider.name), gen_ai_name_of(provider)});
    }
    return providers_[last_entry_];
}

const Recorder::ProviderEntry *Recorder::entry_of(std::string_view name) {
    if (last_entry_ < providers_.size() && providers_[last_entry_].provider->name == name) {
        return &providers_[last_entry_];
    }
    const Provider *provider = models_.provider(name);
    return provider == nullptr ? nullptr : &entry_of(*provider);
}

template <typename... Ids>
const Counters::Row &Recorder::row(Series series, Ids... ids) {
    return row(rows_of(rows_, static_cast<Id>(series), ids...), series, ids...);
}

template <typename... Ids>
const Counters::Row &Recorder::row(KnownRow &known, Series series, Ids... ids) {
    if (!known) {
        known = first_row(series, {ids...});
    }
    return *known;
}

// The texts of the labels are needed only for the first use of a row in this worker.
Counters::Row Recorder::first_row(Series series, std::initializer_list<Id> ids) {
    std::vector<std::string_view> labels;
    for (const Id id : ids) {
        labels.push_back(labels_.text(id));
    }
    return counters_.row(series, labels);
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
    const ProviderEntry provider = entry_of(*end.candidate.provider);
    const Id name = provider.name;
    const Id model = labels_.of_model(*end.candidate.provider, end.candidate.model);
    const Id outcome = labels_.of_text(end.dropped ? "client_gone" : name_of(record.outcome));
    AttemptRows &rows = rows_of(attempt_rows_, name, model, outcome);
    counters_.add(row(rows.attempts, Series::attempts, name, model, outcome), 1);
    counters_.observe(row(rows.duration, Series::attempt_duration, name, model),
                      static_cast<uint64_t>(std::max<int64_t>(0, record.latency)));
    if (end.traffic.sent > 0) {
        counters_.add(row(rows.sent, Series::provider_sent, name), end.traffic.sent);
    }
    if (end.traffic.received > 0) {
        counters_.add(row(rows.received, Series::provider_received, name), end.traffic.received);
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
    const AttemptRecord &last = attempts.back();
    const ProviderEntry *entry = entry_of(last.provider);
    return entry == nullptr ? Maker{LabelBook::kOther, kOtherLabel, nullptr, {}}
                            : Maker{entry->name, entry->gen_ai_name, entry->provider, last.model};
}

LabelBook::Id Recorder::model_of(const Maker &maker) {
    return maker.config == nullptr ? maker.provider : labels_.of_model(*maker.config, maker.model);
}

void Recorder::record(const RequestFacts &facts) {
    const Exchange &exchange = facts.exchange;
    const Id operation = labels_.of_text(facts.operation);
    const Id outcome = labels_.of_text(outcome_of(facts));
    const Id requested = labels_.of_request(exchange.requested_model());
    const Id status = labels_.of_status(facts.status);
    const Maker maker = maker_of(exchange.attempts());
    const Id provider = maker.provider;
    const Timing timing = exchange.timing();
    const int64_t total = std::max<int64_t>(0, timing.total.count());
    RequestRows &rows = rows_of(request_rows_, operation, requested, provider, status, outcome);
    counters_.add(
        row(rows.requests, Series::requests, operation, requested, provider, status, outcome), 1);
    counters_.observe(row(rows.duration, Series::request_duration, operation, provider),
                      static_cast<uint64_t>(total));
    if (facts.first_byte) {
        counters_.observe(row(rows.first_byte, Series::first_byte, operation),
                          static_cast<uint64_t>(std::max<int64_t>(0, *facts.first_byte)));
    }
    counters_.add(row(rows.received, Series::received, operation), facts.received);
    counters_.add(row(rows.sent, Series::sent, operation), facts.sent);
    if (!facts.makes_images) {
        return;
    }
    counters_.observe(row(rows.own, Series::own_duration, operation),
                      static_cast<uint64_t>(timing.own().count()));
    // Also for each model, which is what the status shows.
    counters_.add(row(rows.model_requests, Series::model_requests, requested), 1);
    counters_.count_request(facts.status < kFirstError     ? MinuteCell::made
                            : facts.status < kFirstFailure ? MinuteCell::refused
                                                           : MinuteCell::failed,
                            total, clock_.unix_seconds());
    record_reply(exchange, outcome);
    if (gen_ai_) {
        record_gen_ai(facts, maker, outcome, total);
    }
}

void Recorder::record_reply(const Exchange &exchange, Id outcome) {
    if (!exchange.limited().limit.empty()) {
        counters_.add(row(Series::limits_exceeded, labels_.of_text(exchange.limited().party),
                          labels_.of_text(exchange.limited().limit)),
                      1);
    }
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
    const Id model = model_of(maker);
    const Id requested = labels_.of_request(end.requested_model);
    const auto images = static_cast<uint64_t>(std::max<int64_t>(0, end.images));
    const auto lost = static_cast<uint64_t>(std::max<int64_t>(0, end.images_lost));
    ImageRows &rows = rows_of(image_rows_, maker.provider, model, requested);
    const auto of_maker = [&](KnownRow &known, Series series) -> const Counters::Row & {
        return row(known, series, maker.provider, model);
    };
    if (images > 0) {
        counters_.add(of_maker(rows.images, Series::images), images);
        counters_.count_minute(MinuteCell::images, images, end.unix_seconds);
        counters_.add(row(rows.model_images, Series::model_images, requested), images);
    }
    if (lost > 0) {
        counters_.add(of_maker(rows.images_lost, Series::images_lost), lost);
    }
    if (end.cost && *end.cost > 0) {
        const auto cost = static_cast<uint64_t>(*end.cost);
        counters_.add(of_maker(rows.cost, Series::cost), cost);
        counters_.count_minute(MinuteCell::micro_usd, cost, end.unix_seconds);
        counters_.add(row(rows.model_cost, Series::model_cost, requested), cost);
    } else if (!end.cost && images > 0) {
        counters_.add(of_maker(rows.unpriced, Series::unpriced), 1);
    }
}

void Recorder::record_gen_ai(const RequestFacts &facts, const Maker &maker, Id outcome,
                             int64_t total) {
    const Exchange &exchange = facts.exchange;
    const Id model = model_of(maker);
    const Operation operation = exchange.operation().value_or(Operation::generate);
    const Id name = labels_.of_text(row_of(operation).request_type);
    const Id provider = labels_.of_text(maker.gen_ai_name);
    const Id requested = labels_.of_request(exchange.requested_model());
    const Id error = facts.status < kFirstError ? labels_.of_text("") : outcome;
    counters_.observe(row(Series::gen_ai_duration, name, provider, requested, model, error),
                      static_cast<uint64_t>(total));
    const Usage *usage = exchange.usage();
    if (usage == nullptr || usage->total_tokens <= 0) {
        return;
    }
    const std::pair<std::string_view, int64_t> kinds[] = {{"input", usage->input_tokens},
                                                          {"output", usage->output_tokens}};
    for (const auto &[kind, tokens] : kinds) {
        counters_.observe(
            row(Series::gen_ai_tokens, name, provider, requested, model, labels_.of_text(kind)),
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

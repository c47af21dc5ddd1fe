#include "core/metrics/exposition.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/providers/provider.h"
#include "core/version.h"

namespace gateway {

namespace {

// What one turn may do: a unit of work takes a few microseconds at most.
constexpr size_t kTurnBytes = size_t{32} * 1024;
constexpr size_t kTurnWork = 64;
constexpr size_t kEntriesAtOnce = 256;
constexpr std::string_view kTotal = "_total";

void append_number(std::string &text, int64_t value) {
    char digits[24];
    const auto written = std::to_chars(std::begin(digits), std::end(digits), value);
    text.append(digits, written.ptr);
}

// As a decimal fraction without zeros at its end.
void append_fraction(std::string &text, int64_t value, int64_t unit) {
    if (value < 0) {
        text += '-';
        value = -value;
    }
    append_number(text, value / unit);
    std::string fraction = std::to_string(unit + value % unit).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    if (!fraction.empty()) {
        text.append(".").append(fraction);
    }
}

void append_escaped(std::string &text, std::string_view value) {
    for (const char c : value) {
        if (c == '\\' || c == '"') {
            text += '\\';
            text += c;
        } else if (c == '\n') {
            text += "\\n";
        } else {
            text += c;
        }
    }
}

std::string values_of(std::initializer_list<std::string_view> labels) {
    std::string text;
    for (const std::string_view label : labels) {
        text.append(label).push_back('\0');
    }
    return text;
}

int64_t sum_of(const std::vector<Counters::Process> &processes, ProcessGauge gauge) {
    int64_t sum = 0;
    for (const Counters::Process &process : processes) {
        sum += process[gauge];
    }
    return std::max<int64_t>(0, sum);
}

}  // namespace

bool wants_open_metrics(std::string_view accept) {
    return accept.find("application/openmetrics-text") != std::string_view::npos;
}

std::string_view content_type_of(const ExpositionForm &form) {
    return form.open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                             : "text/plain; version=0.0.4; charset=utf-8";
}

Exposition::Exposition(ReportSources sources, const ExpositionForm &form)
    : sources_(std::move(sources)),
      form_(form),
      processes_(sources_.counters.processes(sources_.is_alive)) {
    const size_t rows = sources_.counters.rows();
    for (size_t i = 0; i < rows; ++i) {
        rows_[static_cast<size_t>(sources_.counters.at(i).series)].push_back(
            static_cast<uint32_t>(i));
    }
}

bool Exposition::write_some(Bytes &out) {
    text_.clear();
    work_ = 0;
    while (series_ < kSeriesCount) {
        const SeriesRow &row = series_table()[series_];
        if (!is_shown(row) || !write_series(row)) {
            ++series_;
            progress_ = {};
        }
        if (text_.size() >= kTurnBytes || work_ >= kTurnWork) {
            break;
        }
    }
    const bool has_more = series_ < kSeriesCount;
    if (!has_more && form_.open_metrics) {
        text_ += "# EOF\n";
    }
    if (!text_.empty()) {
        out.append(Bytes::own(std::move(text_)));
    }
    return has_more;
}

bool Exposition::is_shown(const SeriesRow &row) const {
    switch (row.shown) {
        case ShownWith::always: return true;
        case ShownWith::keys: return form_.keys;
        case ShownWith::gen_ai: return form_.gen_ai;
        case ShownWith::status: break;
    }
    return false;
}

bool Exposition::write_series(const SeriesRow &row) {
    ++work_;
    switch (row.series) {
        case Series::calls_in_progress:
        case Series::breaker_open:
        case Series::keys_resting: return write_providers(row);
        case Series::zone_entries:
        case Series::zone_capacity: return write_zone(row);
        case Series::key_spent:
        case Series::key_budget:
        case Series::key_used:
        case Series::key_limit: return write_keys(row);
        case Series::build_info:
            write_line(row, values_of({kVersion, sources_.server_version}), 1);
            return false;
        default: break;
    }
    if (row.labels.empty()) {
        if (const auto value = single(row)) {
            write_line(row, {}, *value);
        }
        return false;
    }
    return write_stored(row);
}

// The series without labels.
std::optional<int64_t> Exposition::single(const SeriesRow &row) const {
    const Counters &counters = sources_.counters;
    switch (row.series) {
        case Series::requests_in_progress: return sum_of(processes_, ProcessGauge::in_progress);
        case Series::requests_parked: return sum_of(processes_, ProcessGauge::parked);
        case Series::memory_held: return sum_of(processes_, ProcessGauge::memory_held);
        case Series::memory_limit: return sum_of(processes_, ProcessGauge::memory_limit);
        case Series::webhooks_waiting: return sum_of(processes_, ProcessGauge::webhooks_waiting);
        case Series::jobs_running: return sum_of(processes_, ProcessGauge::jobs_running);
        case Series::jobs_waiting: return sum_of(processes_, ProcessGauge::jobs_waiting);
        case Series::series_dropped: return static_cast<int64_t>(counters.series_dropped());
        case Series::workers: return static_cast<int64_t>(processes_.size());
        case Series::reloads: return static_cast<int64_t>(counters.reloads());
        case Series::loaded: return counters.loaded_at();
        case Series::store_bytes:
        case Series::store_files: {
            const auto store = stores_shown(sources_);
            return !store ? std::nullopt
                          : std::optional(row.series == Series::store_bytes ? store->bytes
                                                                            : store->files);
        }
        case Series::state_lag:
        case Series::state_writable: break;
        default: return std::nullopt;
    }
    if (!sources_.has_state) {
        return std::nullopt;
    }
    int64_t lag = 0;
    int64_t writable = 1;
    for (const Counters::Process &process : processes_) {
        lag = std::max(lag, process[ProcessGauge::state_lag]);
        writable = std::min(writable, process[ProcessGauge::state_writable]);
    }
    return row.series == Series::state_lag ? lag : writable;
}

bool Exposition::write_stored(const SeriesRow &row) {
    const std::vector<uint32_t> &rows = rows_[static_cast<size_t>(row.series)];
    while (progress_.next < rows.size() && text_.size() < kTurnBytes) {
        const Counters::RowView stored = sources_.counters.at(rows[progress_.next++]);
        if (row.type == SeriesType::histogram) {
            begin(row);
            write_histogram(row, stored);
        } else {
            write_line(row, stored.labels,
                       static_cast<int64_t>(sources_.counters.sum(stored.cell)));
        }
    }
    return progress_.next < rows.size();
}

// One provider at a time.
bool Exposition::write_providers(const SeriesRow &row) {
    const auto &providers = sources_.models.providers();
    if (progress_.next >= providers.size()) {
        return false;
    }
    constexpr size_t kWorkOfProvider = 32;
    work_ += kWorkOfProvider;
    const size_t number = progress_.next++;
    const Provider &provider = *providers[number];
    const std::string name = values_of({provider.name});
    if (row.series == Series::calls_in_progress) {
        int64_t calls = 0;
        if (const auto known = sources_.counters.find_provider(provider.name)) {
            for (const Counters::Process &process : processes_) {
                calls += process.calls[*known];
            }
        }
        write_line(row, name, std::max<int64_t>(0, calls));
        return true;
    }
    const std::vector<ModelShown> models = models_shown(sources_, provider);
    if (row.series == Series::breaker_open) {
        for (const ModelShown &model : models) {
            write_line(row, values_of({provider.name, model.model}), model.breaker.is_open ? 1 : 0);
        }
    } else {
        const std::vector<int64_t> rests = rests_shown(sources_, provider, models);
        write_line(row, name, std::count_if(rests.begin(), rests.end(), [](int64_t wait) {
                       return wait > 0;
                   }));
    }
    return true;
}

bool Exposition::write_zone(const SeriesRow &row) {
    if (!zone_counted_) {
        const auto used = sources_.ledger.count_entries(zone_capacity_, kEntriesAtOnce);
        if (used) {
            constexpr size_t kWorkOfEntries = 8;
            work_ += kWorkOfEntries;
            zone_used_ += used->used;
            zone_capacity_ += used->looked_at;
            return true;
        }
        zone_counted_ = true;
    }
    write_line(
        row, {},
        static_cast<int64_t>(row.series == Series::zone_entries ? zone_used_ : zone_capacity_));
    return false;
}

// ---- virtual keys

// Returns whether there are more keys to read.
bool Exposition::read_keys() {
    if (ring_ >= sources_.keys.size()) {
        keys_read_ = true;
        return false;
    }
    const KeysShown &shown = sources_.keys[ring_];
    if (shown.ring == nullptr || key_ >= shown.ring->size()) {
        ++ring_;
        key_ = 0;
        return true;
    }
    const Key &key = shown.ring->keys()[key_++];
    if (!seen_.insert(key.id).second) {
        return true;  // it is in another file, too, and counts together
    }
    const KeyUse use = sources_.ledger.use_of(key.account, sources_.moment());
    if (keys_.size() < kMaxKeysShown) {
        keys_.push_back({key.id, key.budgets, key.limits.or_else(shown.defaults), use});
        return true;
    }
    has_others_ = true;
    for (size_t i = 0; i < kPeriods; ++i) {
        others_spent_[i] += use.spent[i];
    }
    return true;
}

bool Exposition::write_keys(const SeriesRow &row) {
    while (!keys_read_ && work_ < kTurnWork) {
        ++work_;
        (void)read_keys();
    }
    if (!keys_read_) {
        return true;
    }
    while (progress_.next < keys_.size() && text_.size() < kTurnBytes) {
        write_key(row, keys_[progress_.next++]);
    }
    if (progress_.next < keys_.size()) {
        return true;
    }
    for (size_t i = 0; row.series == Series::key_spent && has_others_ && i < kPeriods; ++i) {
        write_line(row, values_of({kOtherLabel, name_of(static_cast<Period>(i))}),
                   others_spent_[i]);
    }
    return false;
}

void Exposition::write_key(const SeriesRow &row, const KeyShown &key) {
    if (row.series == Series::key_spent) {
        for (size_t i = 0; i < kPeriods; ++i) {
            write_line(row, values_of({key.id, name_of(static_cast<Period>(i))}), key.use.spent[i]);
        }
        return;
    }
    if (row.series == Series::key_budget) {
        for (const Budget &budget : key.budgets) {
            write_line(row, values_of({key.id, name_of(budget.per)}), budget.usd);
        }
        return;
    }
    for (size_t i = 0; i < key.use.used.size(); ++i) {
        const LimitRow &limit = kLimitRows[i];
        if (const int64_t value = key.limits.*limit.value; value > 0) {
            write_line(row, values_of({key.id, limit.json_name}),
                       row.series == Series::key_limit ? value : key.use.used[i]);
        }
    }
}

// ---- the text

void Exposition::begin(const SeriesRow &row) {
    if (std::exchange(progress_.has_head, true)) {
        return;
    }
    constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
    std::string_view name = row.name;
    if (form_.open_metrics && row.type == SeriesType::counter && name.ends_with(kTotal)) {
        name.remove_suffix(kTotal.size());
    }
    text_.append("# HELP ").append(name).append(" ").append(row.help).append("\n");
    text_.append("# TYPE ")
        .append(name)
        .append(" ")
        .append(kTypes[static_cast<size_t>(row.type)])
        .append("\n");
}

void Exposition::write_labels(std::string_view names, std::string_view values,
                              std::string_view bound) {
    bool is_first = true;
    const auto write = [&](std::string_view name, std::string_view value) {
        text_ += is_first ? '{' : ',';
        is_first = false;
        text_.append(name).append("=\"");
        append_escaped(text_, value);
        text_ += '"';
    };
    while (!names.empty()) {
        const size_t space = std::min(names.find(' '), names.size());
        const size_t end = std::min(values.find('\0'), values.size());
        if (end > 0) {  // an empty value is the same as no label
            write(names.substr(0, space), values.substr(0, end));
        }
        names.remove_prefix(std::min(names.size(), space + 1));
        values.remove_prefix(std::min(values.size(), end + 1));
    }
    if (!bound.empty()) {
        write("le", bound);
    }
    if (!is_first) {
        text_ += '}';
    }
    text_ += ' ';
}

void Exposition::write_value(CellUnit unit, int64_t value) {
    constexpr int64_t kThousand = 1'000;
    constexpr int64_t kMillion = 1'000'000;
    switch (unit) {
        case CellUnit::number: append_number(text_, value); break;
        case CellUnit::milliseconds: append_fraction(text_, value, kThousand); break;
        case CellUnit::micro_usd: append_fraction(text_, value, kMillion); break;
    }
    text_ += '\n';
}

void Exposition::write_line(const SeriesRow &row, std::string_view values, int64_t value) {
    begin(row);
    text_ += row.name;
    write_labels(row.labels, values);
    write_value(row.unit, value);
}

void Exposition::write_histogram(const SeriesRow &row, const Counters::RowView &stored) {
    const std::span<const Bound> bounds = bounds_of(row.series);
    int64_t count = 0;
    for (size_t i = 0; i <= bounds.size(); ++i) {
        count +=
            static_cast<int64_t>(sources_.counters.sum(stored.cell + static_cast<uint32_t>(i)));
        text_.append(row.name).append("_bucket");
        write_labels(row.labels, stored.labels, i < bounds.size() ? bounds[i].text : "+Inf");
        write_value(CellUnit::number, count);
    }
    text_.append(row.name).append("_sum");
    write_labels(row.labels, stored.labels);
    write_value(row.unit, static_cast<int64_t>(sources_.counters.sum(
                              stored.cell + static_cast<uint32_t>(bounds.size() + 1))));
    text_.append(row.name).append("_count");
    write_labels(row.labels, stored.labels);
    write_value(CellUnit::number, count);
}

}  // namespace gateway

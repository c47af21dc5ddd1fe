#include "core/metrics/counters.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "core/limits/memory_lock.h"

namespace gateway {

namespace {

constexpr size_t kLabelText = 232;
// Kept for rows whose labels all are "other".
constexpr size_t kRowsKept = kSeriesCount;
constexpr size_t kCellsKept = kSeriesCount * (kMaxBounds + 2);
constexpr size_t kFailuresKept = 64;
static_assert(kFailuresKept > Counters::kFailures);

// Processes read and change these at the same time.
template <typename Number>
Number get(const Number &number) {
    return std::atomic_ref<Number>(const_cast<Number &>(number)).load(std::memory_order_relaxed);
}
template <typename Number>
void put(Number &number, Number value) {
    std::atomic_ref<Number>(number).store(value, std::memory_order_relaxed);
}
template <typename Number>
void increase(Number &number, Number by) {
    std::atomic_ref<Number>(number).fetch_add(by, std::memory_order_relaxed);
}

// A prefix that does not end within a character.
std::string_view shortened(std::string_view text, size_t max) {
    constexpr uint8_t kContinuationMask = 0xC0;
    constexpr uint8_t kContinuation = 0x80;
    if (text.size() <= max) {
        return text;
    }
    while (max > 0 && (static_cast<uint8_t>(text[max]) & kContinuationMask) == kContinuation) {
        --max;
    }
    return text.substr(0, max);
}

std::string join(std::span<const std::string_view> labels) {
    std::string text;
    for (const std::string_view label : labels) {
        text.append(shortened(label, Counters::kLongestLabel)).push_back('\0');
    }
    return text;
}

// FNV-1a: the same in each binary that uses the memory.
uint64_t hash_of(std::string_view text) {
    constexpr uint64_t kBasis = 0xCBF29CE484222325;
    constexpr uint64_t kPrime = 0x100000001B3;
    uint64_t hash = kBasis;
    for (const char c : text) {
        hash = (hash ^ static_cast<uint8_t>(c)) * kPrime;
    }
    return hash;
}

size_t count_of(std::string_view labels) {
    return labels.empty() ? 0
                          : 1 + static_cast<size_t>(std::count(labels.begin(), labels.end(), ' '));
}

std::string all_other(Series series) {
    const std::vector<std::string_view> labels(count_of(row_of(series).labels), kOtherLabel);
    return join(labels);
}

int64_t minute_of(int64_t unix_seconds) {
    constexpr int64_t kMinute = 60;
    return unix_seconds / kMinute;
}

template <typename Ring>
auto &at_minute(Ring &ring, int64_t minute) {
    return ring[static_cast<size_t>(minute) % std::size(ring)];
}

}  // namespace

// Plain data. All zero is an empty one.
struct Counters::Layout {
    static constexpr uint64_t kMagic = 0x31726e7463776769 + kSeriesCount;  // the version

    template <size_t kSize>
    struct Text {
        char bytes[kSize];
        uint32_t size;

        void set(std::string_view text) {
            size = static_cast<uint32_t>(std::min(text.size(), kSize));
            std::copy_n(text.begin(), size, bytes);
        }
        [[nodiscard]] std::string_view view() const {
            return {bytes, std::min<size_t>(size, kSize)};
        }
    };

    struct Row {
        uint64_t hash;
        uint32_t cell;
        uint16_t series;
        uint16_t size;
        char text[kLabelText];
    };
    struct Process {
        int32_t process;  // 0: free
        int32_t unused;
        int64_t since;
        int64_t gauges[static_cast<size_t>(ProcessGauge::count)];
        int64_t calls[kProviders];
    };
    struct ProviderMinute {
        MinuteCount outcomes[kOutcomes];
        MinuteCount durations[kDurationBounds + 1];
    };
    struct Provider {
        Text<kLongestLabel> name;
        uint8_t reasons[kProviderKeys];  // 0: none. Else one more than the outcome
        ProviderMinute minutes[kProviderMinutes + 1];
    };
    struct Minute {
        MinuteCount cells[static_cast<size_t>(MinuteCell::count)];
        MinuteCount durations[kDurationBounds + 1];
    };
    struct FailureEntry {
        int64_t time;
        int32_t status;
        uint32_t outcome;
        Text<64> request_id;
        Text<kLongestLabel> provider;
        Text<kLongestLabel> model;
        Text<64> code;
    };

    uint64_t magic;
    uint64_t size;
    int64_t since;
    int64_t loaded_at;
    uint64_t configurations;
    uint64_t series_dropped;
    uint32_t rows_used;
    uint32_t providers_used;
    uint64_t failures_noted;
    Row rows[kRows];
    Process processes[kProcesses];
    Provider providers[kProviders];
    Minute minutes[kMinutes + 4];
    FailureEntry failures[kFailuresKept];
    Store stores[kStores];
    uint64_t cells[kSlots][kCells];
};

size_t Counters::size() {
    return sizeof(Layout);
}

bool Counters::prepare(std::span<std::byte> region, bool fresh) {
    static_assert(std::is_trivially_copyable_v<Layout>);
    if (region.size() < sizeof(Layout)) {
        return false;
    }
    Layout &layout = *reinterpret_cast<Layout *>(region.data());
    if (!fresh) {
        return layout.magic == Layout::kMagic && layout.size == sizeof(Layout);
    }
    if (layout.magic != 0) {  // fresh memory from the kernel is zero, and stays untouched
        std::fill(region.begin(), region.end(), std::byte{});
    }
    layout.size = sizeof(Layout);
    layout.magic = Layout::kMagic;
    return true;
}

Counters::Counters(SharedMemory &memory, size_t slot)
    : memory_(memory),
      layout_(reinterpret_cast<Layout *>(memory.region().data())),
      slot_(slot % kSlots) {}

// ---- rows and cells

size_t Counters::rows() const {
    return std::atomic_ref<uint32_t>(layout().rows_used).load(std::memory_order_acquire);
}

Counters::RowView Counters::at(size_t number) const {
    const Layout::Row &row = layout().rows[number];
    return {static_cast<Series>(row.series), row.cell, {row.text, row.size}};
}

std::optional<Counters::Row> Counters::find(Series series, std::string_view labels, uint64_t hash,
                                            size_t from, size_t to) const {
    for (size_t i = from; i < to; ++i) {
        const Layout::Row &row = layout().rows[i];
        if (row.hash == hash && row.series == static_cast<uint16_t>(series) &&
            std::string_view(row.text, row.size) == labels) {
            return Row{series, row.cell};
        }
    }
    return std::nullopt;
}

// The row is there once it is counted: a process that is killed before that has added nothing.
std::optional<Counters::Row> Counters::add_row(Series series, std::string_view labels,
                                               uint64_t hash, bool is_last_resort) {
    Layout &layout = this->layout();
    const size_t used = layout.rows_used;
    size_t cell = 0;
    if (used > 0) {
        const Layout::Row &last = layout.rows[used - 1];
        cell = last.cell + cells_of(static_cast<Series>(last.series));
    }
    const size_t rows_left = kRows - used - (is_last_resort ? 0 : kRowsKept);
    const size_t cells_left = kCells - cell - (is_last_resort ? 0 : kCellsKept);
    const bool has_rows = used + (is_last_resort ? 0 : kRowsKept) < kRows && rows_left > 0;
    const bool has_cells =
        cell + (is_last_resort ? 0 : kCellsKept) < kCells && cells_left >= cells_of(series);
    if (!has_rows || !has_cells || labels.size() > kLabelText) {
        return std::nullopt;
    }
    Layout::Row &row = layout.rows[used];
    row.hash = hash;
    row.cell = static_cast<uint32_t>(cell);
    row.series = static_cast<uint16_t>(series);
    row.size = static_cast<uint16_t>(labels.size());
    std::copy(labels.begin(), labels.end(), row.text);
    std::atomic_ref<uint32_t>(layout.rows_used)
        .store(static_cast<uint32_t>(used + 1), std::memory_order_release);
    return Row{series, row.cell};
}

Counters::Row Counters::row(Series series, std::span<const std::string_view> labels) {
    const auto find_or_add = [&](const std::string &text, bool is_last_resort) {
        const uint64_t hash = hash_of(text);
        const size_t seen = rows();
        auto found = find(series, text, hash, 0, seen);
        if (!found) {
            const MemoryLock lock(memory_);
            found = find(series, text, hash, seen, rows());
            if (!found) {
                found = add_row(series, text, hash, is_last_resort);
            }
        }
        return found;
    };
    const std::string text = join(labels);
    const std::string last_resort = all_other(series);
    if (const auto found = find_or_add(text, text == last_resort)) {
        return *found;
    }
    increase(layout().series_dropped, uint64_t{1});
    return *find_or_add(last_resort, true);
}

void Counters::add(const Row &row, uint64_t count) noexcept {
    increase(layout().cells[slot_][row.cell], count);
}

void Counters::observe(const Row &row, uint64_t value) noexcept {
    uint64_t *cells = layout().cells[slot_] + row.cell;
    increase(cells[bucket_of(row.series, value)], uint64_t{1});
    increase(cells[cells_of(row.series) - 1], value);
}

uint64_t Counters::sum(uint32_t cell) const {
    uint64_t sum = 0;
    for (const auto &slot : layout().cells) {
        sum += get(slot[cell]);
    }
    return sum;
}

// ---- processes

bool Counters::enter_process(int32_t process, int64_t unix_seconds,
                             const std::function<bool(int32_t)> &is_alive) {
    const MemoryLock lock(memory_);
    auto &all = layout().processes;
    auto *free = std::find_if(std::begin(all), std::end(all),
                              [](const auto &one) { return one.process == 0; });
    if (free == std::end(all)) {
        free = std::find_if(std::begin(all), std::end(all),
                            [&](const auto &one) { return !is_alive(one.process); });
    }
    if (free == std::end(all)) {
        return false;
    }
    put(free->process, int32_t{0});
    for (int64_t &gauge : free->gauges) {
        put(gauge, int64_t{0});
    }
    for (int64_t &calls : free->calls) {
        put(calls, int64_t{0});
    }
    put(free->since, unix_seconds);
    std::atomic_ref<int32_t>(free->process).store(process, std::memory_order_release);
    process_ = static_cast<size_t>(free - all);
    return true;
}

void Counters::leave_process() noexcept {
    if (process_) {
        put(layout().processes[*std::exchange(process_, std::nullopt)].process, int32_t{0});
    }
}

void Counters::set(ProcessGauge gauge, int64_t value) noexcept {
    if (process_) {
        put(layout().processes[*process_].gauges[static_cast<size_t>(gauge)], value);
    }
}

void Counters::add(ProcessGauge gauge, int64_t change) noexcept {
    if (process_) {
        increase(layout().processes[*process_].gauges[static_cast<size_t>(gauge)], change);
    }
}

void Counters::add_call(size_t provider, int64_t change) noexcept {
    if (process_) {
        increase(layout().processes[*process_].calls[provider], change);
    }
}

std::vector<Counters::Process> Counters::processes(
    const std::function<bool(int32_t)> &is_alive) const {
    std::vector<Process> alive;
    for (const Layout::Process &one : layout().processes) {
        Process process;
        process.process = get(one.process);
        if (process.process == 0 || !is_alive(process.process)) {
            continue;
        }
        process.since = get(one.since);
        for (size_t i = 0; i < process.gauges.size(); ++i) {
            process.gauges[i] = get(one.gauges[i]);
        }
        for (size_t i = 0; i < process.calls.size(); ++i) {
            process.calls[i] = get(one.calls[i]);
        }
        alive.push_back(process);
    }
    return alive;
}

// ---- providers

size_t Counters::provider(std::string_view name) {
    const std::string_view kept = shortened(name, kLongestLabel);
    const MemoryLock lock(memory_);
    Layout &layout = this->layout();
    const size_t used = layout.providers_used;
    for (size_t i = 0; i < used; ++i) {
        if (layout.providers[i].name.view() == kept) {
            return i;
        }
    }
    if (used == kProviders - 1) {
        return used;
    }
    layout.providers[used].name.set(kept);
    std::atomic_ref<uint32_t>(layout.providers_used)
        .store(static_cast<uint32_t>(used + 1), std::memory_order_release);
    return used;
}

std::optional<size_t> Counters::find_provider(std::string_view name) const {
    const Layout &layout = this->layout();
    const size_t used =
        std::atomic_ref<uint32_t>(this->layout().providers_used).load(std::memory_order_acquire);
    for (size_t i = 0; i < used; ++i) {
        if (layout.providers[i].name.view() == shortened(name, kLongestLabel)) {
            return i;
        }
    }
    return std::nullopt;
}

void Counters::count_attempt(size_t provider, OutcomeType outcome, int64_t milliseconds,
                             int64_t unix_seconds) noexcept {
    const int64_t minute = minute_of(unix_seconds);
    auto &cells = at_minute(layout().providers[provider].minutes, minute);
    cells.outcomes[static_cast<size_t>(outcome)].add(minute, 1);
    cells.durations[duration_bucket(milliseconds)].add(minute, 1);
}

void Counters::note_key(size_t provider, size_t key, std::optional<OutcomeType> reason) noexcept {
    if (key < kProviderKeys) {
        put(layout().providers[provider].reasons[key],
            static_cast<uint8_t>(reason ? static_cast<uint8_t>(*reason) + 1 : 0));
    }
}

std::optional<OutcomeType> Counters::key_reason(size_t provider, size_t key) const {
    const uint8_t noted =
        key < kProviderKeys ? get(layout().providers[provider].reasons[key]) : uint8_t{0};
    return noted == 0 || noted > kOutcomes ? std::nullopt
                                           : std::optional(static_cast<OutcomeType>(noted - 1));
}

ProviderSums Counters::last_minutes(size_t provider, int64_t unix_seconds) const {
    ProviderSums sums;
    const int64_t now = minute_of(unix_seconds);
    for (int64_t minute = now - static_cast<int64_t>(kProviderMinutes) + 1; minute <= now;
         ++minute) {
        const auto &cells = at_minute(layout().providers[provider].minutes, minute);
        for (size_t i = 0; i < sums.outcomes.size(); ++i) {
            sums.outcomes[i] += cells.outcomes[i].of(minute);
        }
        for (size_t i = 0; i < sums.durations.size(); ++i) {
            sums.durations[i] += cells.durations[i].of(minute);
        }
    }
    return sums;
}

// ---- minutes

void Counters::count_minute(MinuteCell cell, uint64_t count, int64_t unix_seconds) noexcept {
    const int64_t minute = minute_of(unix_seconds);
    at_minute(layout().minutes, minute).cells[static_cast<size_t>(cell)].add(minute, count);
}

void Counters::count_request(MinuteCell end, int64_t milliseconds, int64_t unix_seconds) noexcept {
    const int64_t minute = minute_of(unix_seconds);
    auto &counts = at_minute(layout().minutes, minute);
    counts.cells[static_cast<size_t>(MinuteCell::requests)].add(minute, 1);
    counts.cells[static_cast<size_t>(end)].add(minute, 1);
    counts.durations[duration_bucket(milliseconds)].add(minute, 1);
}

MinuteSums Counters::minute(int64_t minute) const {
    MinuteSums sums;
    const auto &cells = at_minute(layout().minutes, minute);
    for (size_t i = 0; i < sums.cells.size(); ++i) {
        sums.cells[i] = cells.cells[i].of(minute);
    }
    for (size_t i = 0; i < sums.durations.size(); ++i) {
        sums.durations[i] = cells.durations[i].of(minute);
    }
    return sums;
}

std::optional<double> quantile(std::span<const uint64_t> durations, double part) {
    const auto bounds = duration_bounds();
    uint64_t all = 0;
    for (const uint64_t count : durations) {
        all += count;
    }
    if (all == 0) {
        return std::nullopt;
    }
    const double rank = part * static_cast<double>(all);
    double before = 0;
    for (size_t i = 0; i < bounds.size(); ++i) {
        const auto count = static_cast<double>(durations[i]);
        if (count > 0 && before + count >= rank) {
            const double low = i == 0 ? 0 : static_cast<double>(bounds[i - 1].value);
            const double high = static_cast<double>(bounds[i].value);
            return low + (high - low) * (rank - before) / count;
        }
        before += count;
    }
    return static_cast<double>(bounds.back().value);  // more than that is not known
}

// ---- failures

void Counters::note_failure(const Failure &failure) noexcept {
    const MemoryLock lock(memory_);
    Layout &layout = this->layout();
    Layout::FailureEntry &entry = layout.failures[layout.failures_noted % kFailuresKept];
    entry.time = failure.time;
    entry.status = failure.status;
    entry.outcome = static_cast<uint32_t>(failure.outcome);
    entry.request_id.set(failure.request_id);
    entry.provider.set(shortened(failure.provider, kLongestLabel));
    entry.model.set(shortened(failure.model, kLongestLabel));
    entry.code.set(failure.code);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    ++layout.failures_noted;
}

std::vector<Failure> Counters::failures() const {
    std::array<Layout::FailureEntry, kFailures> copies;
    size_t count = 0;
    {
        const MemoryLock lock(memory_);
        const Layout &layout = this->layout();
        count = static_cast<size_t>(std::min<uint64_t>(kFailures, layout.failures_noted));
        for (size_t i = 0; i < count; ++i) {
            copies[i] = layout.failures[(layout.failures_noted - 1 - i) % kFailuresKept];
        }
    }
    std::vector<Failure> failures(count);
    for (size_t i = 0; i < count; ++i) {
        const Layout::FailureEntry &entry = copies[i];
        failures[i] = {entry.time,
                       std::string(entry.request_id.view()),
                       std::string(entry.provider.view()),
                       std::string(entry.model.view()),
                       static_cast<OutcomeType>(std::min<size_t>(entry.outcome, kOutcomes - 1)),
                       entry.status,
                       std::string(entry.code.view())};
    }
    return failures;
}

// ---- the rest

void Counters::note_configuration(int64_t unix_seconds) noexcept {
    Layout &layout = this->layout();
    if (layout.since == 0) {
        put(layout.since, unix_seconds);
    }
    put(layout.loaded_at, unix_seconds);
    increase(layout.configurations, uint64_t{1});
}

uint64_t Counters::reloads() const {
    const uint64_t configurations = get(layout().configurations);
    return configurations == 0 ? 0 : configurations - 1;
}

int64_t Counters::loaded_at() const {
    return get(layout().loaded_at);
}

int64_t Counters::counting_since() const {
    return get(layout().since);
}

uint64_t Counters::series_dropped() const {
    return get(layout().series_dropped);
}

void Counters::set_store(size_t number, const Store &store) noexcept {
    if (number < kStores) {
        Store &kept = layout().stores[number];
        put(kept.bytes, store.bytes);
        put(kept.files, store.files);
        put(kept.max, store.max);
        put(kept.unwritable, store.unwritable);
        put(kept.seen, store.seen);
    }
}

Counters::Store Counters::store(size_t number) const {
    if (number >= kStores) {
        return {};
    }
    const Store &kept = layout().stores[number];
    return {get(kept.bytes), get(kept.files), get(kept.max), get(kept.unwritable), get(kept.seen)};
}

}  // namespace gateway

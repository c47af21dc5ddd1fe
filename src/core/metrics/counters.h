// The counters behind the metrics and the status, in memory that all workers share. See
// docs/decisions/0033-counters-of-traffic.md.
//
//   rows       which label values a series has; only added, under the lock
//   cells      the numbers of the rows. Each worker adds to a slot of its own, without the lock;
//              the sum over all slots counts
//   processes  what a worker says about itself now; ends with it
//   providers  the last minutes of each provider
//   minutes    the last hour of all requests
//   failures   the last failed attempts
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/metrics/minute_count.h"
#include "core/metrics/series.h"
#include "core/outcome.h"
#include "core/ports.h"

namespace gateway {

inline constexpr size_t kOutcomes = static_cast<size_t>(OutcomeType::too_late) + 1;

// What a worker says about itself.
enum class ProcessGauge : uint8_t {
    in_progress,  // requests
    parked,       // pauses
    memory_held,
    memory_limit,
    state_lag,  // milliseconds; -1: there is no state file
    state_writable,
    webhooks_waiting,
    jobs_running,
    jobs_waiting,
    count,
};

// What is counted of each minute, for all requests.
enum class MinuteCell : uint8_t { requests, made, refused, failed, images, micro_usd, count };

struct Failure {
    int64_t time = 0;  // unix seconds
    std::string request_id;
    std::string provider;
    std::string model;
    OutcomeType outcome = OutcomeType::unknown;
    int status = 0;
    std::string code;
};

// The numbers of some minutes together.
struct MinuteSums {
    std::array<uint64_t, static_cast<size_t>(MinuteCell::count)> cells{};
    std::array<uint64_t, kDurationBounds + 1> durations{};

    [[nodiscard]] uint64_t operator[](MinuteCell cell) const {
        return cells[static_cast<size_t>(cell)];
    }
};
struct ProviderSums {
    std::array<uint64_t, kOutcomes> outcomes{};
    std::array<uint64_t, kDurationBounds + 1> durations{};
};

// The value below which this part of them is, as the buckets tell: within a bucket the values are
// taken to be spread evenly. Nothing if there are none.
std::optional<double> quantile(std::span<const uint64_t> durations, double part);

class Counters {
 public:
    static constexpr size_t kRows = 4096;
    static constexpr size_t kCells = 32768;
    static constexpr size_t kSlots = 16;
    static constexpr size_t kProviders = 64;
    static constexpr size_t kProviderKeys = 32;
    static constexpr size_t kProcesses = 256;
    static constexpr size_t kMinutes = 60;
    static constexpr size_t kProviderMinutes = 15;
    static constexpr size_t kFailures = 50;
    static constexpr size_t kStores = 16;
    static constexpr size_t kLongestLabel = 96;

    static size_t size();
    // Lays the memory out anew, or takes it over as it is; false if it has another layout.
    static bool prepare(std::span<std::byte> region, bool fresh);

    // `slot` may be any number.
    explicit Counters(SharedMemory &memory, size_t slot = 0);

    // ---- rows and cells
    struct Row {
        Series series = Series::requests;
        uint32_t cell = 0;  // the first one
    };
    // Finds the row with these values of its labels, or adds it. Without room it is the row whose
    // labels all are "other".
    Row row(Series series, std::span<const std::string_view> labels);
    void add(const Row &row, uint64_t count) noexcept;
    void observe(const Row &row, uint64_t value) noexcept;  // of a histogram

    struct RowView {
        Series series;
        uint32_t cell;
        std::string_view labels;  // each followed by a 0
    };
    [[nodiscard]] size_t rows() const;
    [[nodiscard]] RowView at(size_t number) const;
    // The sum over all slots.
    [[nodiscard]] uint64_t sum(uint32_t cell) const;

    // ---- processes
    // False if there is no room for one more.
    bool enter_process(int32_t process, int64_t unix_seconds,
                       const std::function<bool(int32_t)> &is_alive);
    void leave_process() noexcept;
    void set(ProcessGauge gauge, int64_t value) noexcept;
    void add(ProcessGauge gauge, int64_t change) noexcept;
    void add_call(size_t provider, int64_t change) noexcept;

    struct Process {
        int32_t process = 0;
        int64_t since = 0;
        std::array<int64_t, static_cast<size_t>(ProcessGauge::count)> gauges{};
        std::array<int64_t, kProviders> calls{};

        [[nodiscard]] int64_t operator[](ProcessGauge gauge) const {
            return gauges[static_cast<size_t>(gauge)];
        }
    };
    // Those that are alive.
    [[nodiscard]] std::vector<Process> processes(
        const std::function<bool(int32_t)> &is_alive) const;

    // ---- providers
    // The number of the provider of this name. It keeps it, also under other configurations. The
    // last number is for all for which there is no room.
    size_t provider(std::string_view name);
    [[nodiscard]] std::optional<size_t> find_provider(std::string_view name) const;
    void count_attempt(size_t provider, OutcomeType outcome, int64_t milliseconds,
                       int64_t unix_seconds) noexcept;
    // Why the key of this number rests.
    void note_key(size_t provider, size_t key, std::optional<OutcomeType> reason) noexcept;
    [[nodiscard]] std::optional<OutcomeType> key_reason(size_t provider, size_t key) const;
    [[nodiscard]] ProviderSums last_minutes(size_t provider, int64_t unix_seconds) const;

    // ---- minutes
    void count_minute(MinuteCell cell, uint64_t count, int64_t unix_seconds) noexcept;
    // One request, its end and how long it took.
    void count_request(MinuteCell end, int64_t milliseconds, int64_t unix_seconds) noexcept;
    [[nodiscard]] MinuteSums minute(int64_t minute) const;

    // ---- failures
    void note_failure(const Failure &failure) noexcept;
    [[nodiscard]] std::vector<Failure> failures() const;  // the newest first

    // ---- the rest
    void note_configuration(int64_t unix_seconds) noexcept;
    [[nodiscard]] uint64_t reloads() const;
    [[nodiscard]] int64_t loaded_at() const;
    [[nodiscard]] int64_t counting_since() const;
    [[nodiscard]] uint64_t series_dropped() const;

    struct Store {
        int64_t bytes = 0;
        int64_t files = 0;
        int64_t max = 0;
        int64_t unwritable = 0;
        int64_t seen = 0;  // unix seconds; 0: not looked at yet
    };
    void set_store(size_t number, const Store &store) noexcept;
    [[nodiscard]] Store store(size_t number) const;

 private:
    struct Layout;

    [[nodiscard]] Layout &layout() const { return *layout_; }
    std::optional<Row> find(Series series, std::string_view labels, uint64_t hash, size_t from,
                            size_t to) const;
    std::optional<Row> add_row(Series series, std::string_view labels, uint64_t hash,
                               bool is_last_resort);

    SharedMemory &memory_;
    Layout *layout_;
    size_t slot_;
    std::optional<size_t> process_;
};

}  // namespace gateway

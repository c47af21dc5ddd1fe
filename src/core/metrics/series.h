// All series that the gateway shows to Prometheus, as one table. docs/metrics.py makes
// docs/metrics.md of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace gateway {

enum class SeriesType : uint8_t { counter, gauge, histogram };

// What a cell counts. It is shown in the base unit: seconds, dollars.
enum class CellUnit : uint8_t { number, milliseconds, micro_usd };

// Which arguments of image_gateway_metrics show the series. Those with `status` are only in the
// status.
enum class ShownWith : uint8_t { always, keys, gen_ai, status };

enum class Series : uint8_t {
    requests,
    request_duration,
    first_byte,
    own_duration,
    received,
    sent,
    attempts,
    attempt_duration,
    provider_sent,
    provider_received,
    retries,
    fallbacks,
    skips,
    images,
    images_lost,
    images_again,
    cost,
    unpriced,
    limits_exceeded,
    adjustments,
    requests_in_progress,
    requests_parked,
    calls_in_progress,
    breaker_open,
    keys_resting,
    memory_held,
    memory_limit,
    store_bytes,
    store_files,
    state_lag,
    state_writable,
    webhook_attempts,
    webhooks_waiting,
    jobs_running,
    jobs_waiting,
    zone_entries,
    zone_capacity,
    zone_full,
    series_dropped,
    spans,
    workers,
    reloads,
    loaded,
    build_info,
    key_spent,
    key_budget,
    key_used,
    key_limit,
    gen_ai_duration,
    gen_ai_tokens,
    model_requests,
    model_images,
    model_cost,
};
inline constexpr size_t kSeriesCount = static_cast<size_t>(Series::model_cost) + 1;

struct SeriesRow {
    Series series;
    std::string_view name;
    SeriesType type;
    CellUnit unit;
    ShownWith shown;
    std::string_view labels;  // their names, with a space between two
    std::string_view help;
};

// In the order of the enumeration.
std::span<const SeriesRow, kSeriesCount> series_table();
const SeriesRow &row_of(Series series);

// The upper bounds of a histogram's buckets. There is one bucket more, without a bound.
struct Bound {
    int64_t value;          // in the unit of the cells
    std::string_view text;  // as in the label "le"
};
std::span<const Bound> bounds_of(Series series);
inline constexpr size_t kDurationBounds = 22;
inline constexpr size_t kMaxBounds = kDurationBounds;
// The number of the bucket: of the first bound that is not below the value.
size_t bucket_of(Series series, uint64_t value);
// The same for milliseconds; those below 0 are in the first one.
size_t duration_bucket(int64_t milliseconds);
std::span<const Bound, kDurationBounds> duration_bounds();

// How many cells a row of the series has: one, or of a histogram the buckets and the sum.
size_t cells_of(Series series);

// The value of a label where nothing applies, and where the real one is not in the configuration.
inline constexpr std::string_view kNoLabel = "none";
inline constexpr std::string_view kOtherLabel = "other";

}  // namespace gateway

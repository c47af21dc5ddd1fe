#include "core/metrics/series.h"

#include <algorithm>
#include <bit>

namespace gateway {

namespace {

using enum SeriesType;
using enum CellUnit;
using enum ShownWith;

// docs/metrics.py reads these rows.
constexpr SeriesRow kSeries[] = {
    {Series::requests, "image_gateway_requests_total", counter, number, always,
     "operation model provider status outcome",
     "Requests that have ended, with the model as requested and the last provider that was "
     "called."},
    {Series::request_duration, "image_gateway_request_duration_seconds", histogram, milliseconds,
     always, "operation provider", "Time from a request's headers to the end of its reply."},
    {Series::first_byte, "image_gateway_request_first_byte_seconds", histogram, milliseconds,
     always, "operation", "Time from a request's headers to the first byte of its reply."},
    {Series::own_duration, "image_gateway_request_own_seconds", histogram, milliseconds, always,
     "operation",
     "Time that a request for images spent in the gateway itself: without waiting for its body, "
     "limits, pauses, providers, the delivery of images, and the client that takes the reply."},
    {Series::received, "image_gateway_received_bytes_total", counter, number, always, "operation",
     "Bytes of requests that have ended, with their headers."},
    {Series::sent, "image_gateway_sent_bytes_total", counter, number, always, "operation",
     "Bytes of replies that have ended, with their headers."},
    {Series::attempts, "image_gateway_attempts_total", counter, number, always,
     "provider model outcome", "Attempts that have ended: calls to providers, with repeated ones."},
    {Series::attempt_duration, "image_gateway_attempt_duration_seconds", histogram, milliseconds,
     always, "provider model", "Time of an attempt, with the polling of its job."},
    {Series::provider_sent, "image_gateway_provider_sent_bytes_total", counter, number, always,
     "provider",
     "Bytes of requests to providers, with their headers, of attempts that have ended."},
    {Series::provider_received, "image_gateway_provider_received_bytes_total", counter, number,
     always, "provider",
     "Bytes of responses of providers, with their headers, of attempts that have ended; without "
     "images that are fetched from links."},
    {Series::retries, "image_gateway_retries_total", counter, number, always, "provider",
     "Attempts that repeated a call of the same request to the same model."},
    {Series::fallbacks, "image_gateway_fallbacks_total", counter, number, always, "provider",
     "Requests that went on to another model; the provider is that of the other model."},
    {Series::skips, "image_gateway_skips_total", counter, number, always, "provider reason",
     "Candidates that were not tried, because of an open breaker, resting keys or a limit."},
    {Series::images, "image_gateway_images_total", counter, number, always, "provider model",
     "Images that were made for the requests whose replies have them."},
    {Series::images_lost, "image_gateway_images_lost_total", counter, number, always,
     "provider model", "Images that were or may have been made and billed, but are in no reply."},
    {Series::images_again, "image_gateway_images_again_total", counter, number, always, "outcome",
     "Images in replies that were made for another request: cached, shared or replayed."},
    {Series::cost, "image_gateway_cost_usd_total", counter, micro_usd, always, "provider model",
     "Cost of the images in replies, as far as it is known."},
    {Series::unpriced, "image_gateway_unpriced_requests_total", counter, number, always,
     "provider model", "Requests with images whose cost is not known."},
    {Series::limits_exceeded, "image_gateway_limits_exceeded_total", counter, number, always,
     "party limit", "Requests that were refused because of a limit or a budget."},
    {Series::adjustments, "image_gateway_adjustments_total", counter, number, always, "parameter",
     "Parameters that were not sent or not served as requested."},
    {Series::requests_in_progress, "image_gateway_requests_in_progress", gauge, number, always, "",
     "Requests that have begun and not ended."},
    {Series::requests_parked, "image_gateway_requests_parked", gauge, number, always, "",
     "Pauses in progress: before a call is repeated, or until a provider is available."},
    {Series::calls_in_progress, "image_gateway_calls_in_progress", gauge, number, always,
     "provider", "Calls to providers that have begun and not ended."},
    {Series::breaker_open, "image_gateway_breaker_open", gauge, number, always, "provider model",
     "Whether the breaker of the model is open or lets only one call through (1) or not (0)."},
    {Series::keys_resting, "image_gateway_keys_resting", gauge, number, always, "provider",
     "Provider keys that rest now, for any model."},
    {Series::memory_held, "image_gateway_memory_held_bytes", gauge, number, always, "",
     "Memory that requests hold, of all workers."},
    {Series::memory_limit, "image_gateway_memory_limit_bytes", gauge, number, always, "",
     "The limit of image_gateway_memory, of all workers."},
    {Series::store_bytes, "image_gateway_store_bytes", gauge, number, always, "",
     "Bytes of kept images in all stores that are directories."},
    {Series::store_files, "image_gateway_store_files", gauge, number, always, "",
     "Kept images in all stores that are directories."},
    {Series::state_lag, "image_gateway_state_lag_seconds", gauge, milliseconds, always, "",
     "How long the oldest usage record has waited to be written, in the slowest worker."},
    {Series::state_writable, "image_gateway_state_writable", gauge, number, always, "",
     "Whether the last write to the state file succeeded in all workers (1) or not (0)."},
    {Series::webhook_attempts, "image_gateway_webhook_attempts_total", counter, number, always,
     "outcome",
     "Attempts to send a webhook message: delivered, failed (it will be sent again), given_up, or "
     "gone (the receiver wants no more messages, also without an attempt)."},
    {Series::webhooks_waiting, "image_gateway_webhooks_waiting", gauge, number, always, "",
     "Webhook messages of jobs that have ended, which are not delivered yet."},
    {Series::jobs_running, "image_gateway_jobs_running", gauge, number, always, "",
     "Jobs in progress, until their results are written down."},
    {Series::jobs_waiting, "image_gateway_jobs_waiting", gauge, number, always, "",
     "Jobs that wait: for a place under the caller's limit of concurrent requests, a call to a "
     "busy "
     "provider, or memory."},
    {Series::zone_entries, "image_gateway_zone_entries", gauge, number, always, "",
     "Parties that are counted in image_gateway_zone."},
    {Series::zone_capacity, "image_gateway_zone_capacity_entries", gauge, number, always, "",
     "Parties for which image_gateway_zone has room."},
    {Series::zone_full, "image_gateway_zone_full_total", counter, number, always, "kind",
     "How often image_gateway_zone had no room: a party's counters were removed for another's, or "
     "it was not counted (party); or a call was not made (call)."},
    {Series::series_dropped, "image_gateway_series_dropped_total", counter, number, always, "",
     "How often there was no room for new label values, so that all of them were shown as other."},
    {Series::spans, "image_gateway_spans_total", counter, number, always, "fate",
     "Spans that the collector of image_gateway_otlp has taken (exported), and those that were "
     "dropped, because the queue was full (queue_full), the collector did not want them "
     "(rejected) or could not be reached (undelivered), or the worker ended (exit)."},
    {Series::workers, "image_gateway_workers", gauge, number, always, "",
     "Worker processes, with those that still serve requests under an earlier configuration."},
    {Series::reloads, "image_gateway_reloads_total", counter, number, always, "",
     "How often nginx has loaded a configuration after its first one."},
    {Series::loaded, "image_gateway_configuration_load_time_seconds", gauge, number, always, "",
     "When the configuration was loaded, in seconds since 1970."},
    {Series::build_info, "image_gateway_build_info", gauge, number, always, "version nginx_version",
     "Always 1. The labels are the versions of the gateway and of nginx."},
    {Series::key_spent, "image_gateway_key_spent_usd", gauge, micro_usd, keys, "key per",
     "Money that a virtual key has spent in the current period of a budget."},
    {Series::key_budget, "image_gateway_key_budget_usd", gauge, micro_usd, keys, "key per",
     "The budget of a virtual key."},
    {Series::key_used, "image_gateway_key_used", gauge, number, keys, "key limit",
     "How much of a limit a virtual key has used."},
    {Series::key_limit, "image_gateway_key_limit", gauge, number, keys, "key limit",
     "A limit of a virtual key."},
    {Series::gen_ai_duration, "gen_ai_server_request_duration_seconds", histogram, milliseconds,
     gen_ai,
     "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_response_model "
     "error_type",
     "Time from a request's headers to the end of its reply, named as by OpenTelemetry."},
    {Series::gen_ai_tokens, "gen_ai_client_token_usage", histogram, number, gen_ai,
     "gen_ai_operation_name gen_ai_provider_name gen_ai_request_model gen_ai_response_model "
     "gen_ai_token_type",
     "Tokens that requests used, as reported or counted, named as by OpenTelemetry."},
    {Series::model_requests, "", counter, number, status, "model", ""},
    {Series::model_images, "", counter, number, status, "model", ""},
    {Series::model_cost, "", counter, micro_usd, status, "model", ""},
};
static_assert(std::size(kSeries) == kSeriesCount);
static_assert([] {
    for (size_t i = 0; i < kSeriesCount; ++i) {
        if (static_cast<size_t>(kSeries[i].series) != i) {
            return false;
        }
    }
    return true;
}());

constexpr std::array<Bound, kDurationBounds> kDurations = {{
    {5, "0.005"},       {10, "0.01"},       {25, "0.025"},      {50, "0.05"},
    {100, "0.1"},       {250, "0.25"},      {500, "0.5"},       {1'000, "1.0"},
    {2'500, "2.5"},     {5'000, "5.0"},     {10'000, "10.0"},   {15'000, "15.0"},
    {20'000, "20.0"},   {30'000, "30.0"},   {45'000, "45.0"},   {60'000, "60.0"},
    {90'000, "90.0"},   {120'000, "120.0"}, {180'000, "180.0"}, {300'000, "300.0"},
    {600'000, "600.0"}, {900'000, "900.0"},
}};

// Those that OpenTelemetry recommends for token counts.
constexpr std::array<Bound, 14> kTokens = {{
    {1, "1.0"},
    {4, "4.0"},
    {16, "16.0"},
    {64, "64.0"},
    {256, "256.0"},
    {1'024, "1024.0"},
    {4'096, "4096.0"},
    {16'384, "16384.0"},
    {65'536, "65536.0"},
    {262'144, "262144.0"},
    {1'048'576, "1048576.0"},
    {4'194'304, "4194304.0"},
    {16'777'216, "16777216.0"},
    {67'108'864, "67108864.0"},
}};
static_assert(kTokens.size() <= kMaxBounds);

// For each number of significant bits, the bucket of the lowest value that has so many. From there
// it is at most a few bounds to that of any other.
template <const auto &kBounds>
constexpr std::array<uint8_t, 65> kFirstBuckets = [] {
    std::array<uint8_t, 65> first{};
    for (size_t bits = 0; bits < first.size(); ++bits) {
        const uint64_t lowest = bits == 0 ? 0 : uint64_t{1} << (bits - 1);
        while (first[bits] < kBounds.size() &&
               static_cast<uint64_t>(kBounds[first[bits]].value) < lowest) {
            ++first[bits];
        }
    }
    return first;
}();

template <const auto &kBounds>
size_t bucket_in(uint64_t value) {
    size_t bucket = kFirstBuckets<kBounds>[static_cast<size_t>(std::bit_width(value))];
    while (bucket < kBounds.size() && static_cast<uint64_t>(kBounds[bucket].value) < value) {
        ++bucket;
    }
    return bucket;
}

}  // namespace

std::span<const SeriesRow, kSeriesCount> series_table() {
    return kSeries;
}

const SeriesRow &row_of(Series series) {
    return kSeries[static_cast<size_t>(series)];
}

std::span<const Bound> bounds_of(Series series) {
    const SeriesRow &row = row_of(series);
    if (row.type != SeriesType::histogram) {
        return {};
    }
    return row.unit == CellUnit::milliseconds ? std::span<const Bound>(kDurations)
                                              : std::span<const Bound>(kTokens);
}

std::span<const Bound, kDurationBounds> duration_bounds() {
    return kDurations;
}

size_t duration_bucket(int64_t milliseconds) {
    return bucket_in<kDurations>(static_cast<uint64_t>(std::max<int64_t>(0, milliseconds)));
}

size_t bucket_of(Series series, uint64_t value) {
    return row_of(series).unit == CellUnit::milliseconds ? bucket_in<kDurations>(value)
                                                         : bucket_in<kTokens>(value);
}

size_t cells_of(Series series) {
    return row_of(series).type == SeriesType::histogram ? bounds_of(series).size() + 2 : 1;
}

}  // namespace gateway

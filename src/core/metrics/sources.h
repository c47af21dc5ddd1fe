// Where metrics and status read what they show, besides the counters.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/access/key_ring.h"
#include "core/bytes/bytes.h"
#include "core/limits/health.h"
#include "core/limits/ledger.h"
#include "core/metrics/counters.h"
#include "core/ports.h"
#include "core/routing/model_map.h"

namespace gateway {

// The virtual keys of one file, with the limits of those that have none of their own.
struct KeysShown {
    std::shared_ptr<const KeyRing> ring;
    Limits defaults;
};

// All that it refers to must outlive it.
struct ReportSources {
    const Counters &counters;
    const ModelMap &models;
    const Health &health;
    Ledger &ledger;
    const Clock &clock;
    std::function<bool(int32_t)> is_alive;
    std::vector<KeysShown> keys;
    size_t stores = 0;
    bool has_state = false;
    std::string_view server_version;     // of nginx
    std::vector<std::string> not_ready;  // why not; empty: it is

    [[nodiscard]] Moment moment() const { return {clock.unix_seconds(), clock.now().count()}; }
};

// The body of a reply that is written in turns, so that each takes less than a millisecond.
class Report {
 public:
    virtual ~Report() = default;
    // False if that was the last part.
    virtual bool write_some(Bytes &out) = 0;
};

inline constexpr size_t kMaxKeysShown = 1'000;

// A model of a provider, with its breaker.
struct ModelShown {
    std::string model;
    Account account{};
    BreakerView breaker;
};
// The models that the configuration names and those that were called.
std::vector<ModelShown> models_shown(const ReportSources &sources, const Provider &provider);

// For each key of the provider: milliseconds until it is used again for all its models.
std::vector<int64_t> rests_shown(const ReportSources &sources, const Provider &provider,
                                 const std::vector<ModelShown> &models);

// What the gateway has of its stores, all together. Nothing if it has none, or has not looked yet.
std::optional<Counters::Store> stores_shown(const ReportSources &sources);

// The label with this number of a row.
std::string_view label_of(const Counters::RowView &row, size_t number);

}  // namespace gateway

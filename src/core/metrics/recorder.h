// Counts what happens in one worker. An observer of attempts; requests are recorded when they are
// over, whoever has ended them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/exchange/exchange.h"
#include "core/metrics/counters.h"
#include "core/metrics/labels.h"
#include "core/routing/observer.h"
#include "core/tracing/span_queue.h"

namespace gateway {

// A request that is over.
struct RequestFacts {
    const Exchange &exchange;
    std::string_view operation;  // one of a few words
    bool makes_images = false;   // or would have: it is not about models or kept images
    int status = 0;
    uint64_t received = 0;  // bytes
    uint64_t sent = 0;
    std::optional<int64_t> first_byte;  // milliseconds; nothing: none was sent
};

class Recorder final : public Observer {
 public:
    // All must outlive it.
    Recorder(Counters &counters, const ModelMap &models, const Clock &clock, bool gen_ai);

    void on_attempt_end(const AttemptEnd &end) override;
    // Images, cost and what was tried: as usage records have them, also of a shared making that
    // outlives its request.
    void on_request_end(const RequestEnd &end) override;
    void on_call_begin(const Provider &provider) override;
    void on_call_end(const Provider &provider) override;
    void on_pause_begin() override { counters_.add(ProcessGauge::parked, 1); }
    void on_pause_end() override { counters_.add(ProcessGauge::parked, -1); }

    void on_request_begin() noexcept { counters_.add(ProcessGauge::in_progress, 1); }
    void on_request_gone() noexcept { counters_.add(ProcessGauge::in_progress, -1); }
    void record(const RequestFacts &facts);

    // What became of spans.
    void on_spans(SpanFate fate, size_t count);
    // How often the zone had no room.
    void on_zone_full(size_t parties, size_t calls);

    // Attempts to send webhook messages.
    void on_messages(std::string_view outcome, size_t count);

    Counters &counters() { return counters_; }

 private:
    using Id = LabelBook::Id;
    struct ProviderEntry {
        const Provider *provider = nullptr;
        size_t number = 0;  // in the counters
        Id name = LabelBook::kOther;
        std::string_view gen_ai_name;
    };
    // Who was called last.
    struct Maker {
        Id provider = LabelBook::kNone;
        std::string_view gen_ai_name = "none";
        const Provider *config = nullptr;  // null: there was nobody, or it is not configured now
        std::string_view model;
    };

    // Rows that are used together are found together, by all labels that any of them has. Each is
    // looked up when something is counted in it for the first time.
    using KnownRow = std::optional<Counters::Row>;
    struct RequestRows {
        KnownRow requests, duration, first_byte, received, sent, own, model_requests;
    };
    struct AttemptRows {
        KnownRow attempts, duration, sent, received;
    };
    struct ImageRows {
        KnownRow images, images_lost, cost, unpriced, model_images, model_cost;
    };
    struct Key {
        uint64_t low = 0;
        uint64_t high = 0;
        bool operator==(const Key &) const = default;
    };
    struct KeyHash {
        size_t operator()(const Key &key) const {
            constexpr uint64_t kOdd = 0x9E3779B97F4A7C15;
            const uint64_t mixed = (key.low ^ key.high * kOdd) * kOdd;
            return static_cast<size_t>(mixed ^ mixed >> 32);
        }
    };
    template <typename Rows>
    using ByLabels = std::unordered_map<Key, Rows, KeyHash>;

    const ProviderEntry &entry_of(const Provider &provider);
    const ProviderEntry *entry_of(std::string_view name);
    // A row of one series, found by itself.
    template <typename... Ids>
    const Counters::Row &row(Series series, Ids... ids);
    template <typename... Ids>
    const Counters::Row &row(KnownRow &known, Series series, Ids... ids);
    Counters::Row first_row(Series series, std::initializer_list<Id> ids);
    [[nodiscard]] Maker maker_of(const std::vector<AttemptRecord> &attempts);
    [[nodiscard]] Id model_of(const Maker &maker);
    void record_history(const History &history);
    void record_images(const RequestEnd &end);
    void record_reply(const Exchange &exchange, Id outcome);
    void record_gen_ai(const RequestFacts &facts, const Maker &maker, Id outcome, int64_t total);

    Counters &counters_;
    const ModelMap &models_;
    const Clock &clock_;
    bool gen_ai_;
    LabelBook labels_;
    std::vector<ProviderEntry> providers_;
    size_t last_entry_ = 0;  // that was looked up last
    ByLabels<KnownRow> rows_;
    ByLabels<RequestRows> request_rows_;
    ByLabels<AttemptRows> attempt_rows_;
    ByLabels<ImageRows> image_rows_;
};

}  // namespace gateway

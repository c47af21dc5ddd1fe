// The reply of image_gateway_metrics: all series in Prometheus's text format or as OpenMetrics.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/metrics/sources.h"

namespace gateway {

struct ExpositionForm {
    bool open_metrics = false;
    bool keys = false;
    bool gen_ai = false;
};

// Whether a client with this header Accept prefers OpenMetrics.
bool wants_open_metrics(std::string_view accept);
std::string_view content_type_of(const ExpositionForm &form);

class Exposition final : public Report {
 public:
    Exposition(ReportSources sources, const ExpositionForm &form);
    bool write_some(Bytes &out) override;

 private:
    struct KeyShown {
        std::string id;
        std::vector<Budget> budgets;
        Limits limits;
        KeyUse use;
    };
    // The state between two turns, for one series.
    struct Progress {
        bool has_head = false;
        size_t next = 0;
    };

    [[nodiscard]] bool is_shown(const SeriesRow &row) const;
    // Each returns whether more is left of the series.
    bool write_series(const SeriesRow &row);
    bool write_stored(const SeriesRow &row);
    bool write_providers(const SeriesRow &row);
    bool write_zone(const SeriesRow &row);
    bool write_keys(const SeriesRow &row);
    bool read_keys();
    void write_key(const SeriesRow &row, const KeyShown &key);
    std::optional<int64_t> single(const SeriesRow &row) const;

    void begin(const SeriesRow &row);
    void write_histogram(const SeriesRow &row, const Counters::RowView &stored);
    void write_labels(std::string_view names, std::string_view values, std::string_view bound = {});
    void write_value(CellUnit unit, int64_t value);
    void write_line(const SeriesRow &row, std::string_view values, int64_t value);

    ReportSources sources_;
    ExpositionForm form_;
    std::array<std::vector<uint32_t>, kSeriesCount> rows_;
    std::vector<Counters::Process> processes_;
    size_t series_ = 0;
    Progress progress_;
    std::string text_;  // of this turn
    size_t work_ = 0;   // done in this turn

    size_t zone_used_ = 0;
    size_t zone_capacity_ = 0;
    bool zone_counted_ = false;

    std::vector<KeyShown> keys_;
    std::array<MicroUsd, kPeriods> others_spent_{};
    bool has_others_ = false;
    std::unordered_set<std::string_view> seen_;  // ids, which the rings own
    size_t ring_ = 0;
    size_t key_ = 0;
    bool keys_read_ = false;
};

}  // namespace gateway

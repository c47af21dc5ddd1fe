// The reply of image_gateway_status: what goes on, as JSON. It shows no secrets, and no provider is
// called for it.
#pragma once

#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/json/writer.h"
#include "core/metrics/sources.h"

namespace gateway {

class Status final : public Report {
 public:
    explicit Status(ReportSources sources);
    bool write_some(Bytes &out) override;

    [[nodiscard]] bool is_ready() const { return sources_.not_ready.empty(); }

 private:
    enum class Step : uint8_t { head, minutes, providers, keys, models, tail, done };

    void write_head();
    void write_minutes();
    bool write_provider();  // false: there are no more
    bool write_key();
    void write_models();
    void write_tail();
    void write_latency(std::span<const uint64_t> durations, bool with_p99);
    [[nodiscard]] int64_t sum_of(ProcessGauge gauge) const;

    ReportSources sources_;
    std::vector<Counters::Process> processes_;
    JsonWriter json_;
    Step step_ = Step::head;
    size_t provider_ = 0;
    size_t ring_ = 0;
    size_t key_ = 0;
    size_t keys_written_ = 0;
    std::unordered_set<std::string_view> seen_;  // ids of keys, which the rings own
};

}  // namespace gateway

// Spans of one worker that wait to be exported. They are kept as they will be sent, in batches, so
// that sending them takes no time. The queue is bounded: a span without room is dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace gateway {

// What became of a span. All but the first are reasons why it was dropped.
enum class SpanFate : uint8_t {
    exported,
    queue_full,
    rejected,     // by the collector
    undelivered,  // the collector could not be reached, several times
    exit,         // the worker ended before
};

std::string_view name_of(SpanFate fate);

using SpanTally = std::function<void(SpanFate fate, size_t spans)>;

class SpanQueue {
 public:
    struct Limits {
        size_t batch = 512;   // spans that are sent together
        size_t spans = 2048;  // that wait
    };
    struct Batch {
        std::string spans;  // with a comma between two
        size_t count = 0;
    };

    SpanQueue(Limits limits, SpanTally tally) : limits_(limits), tally_(std::move(tally)) {}

    // `span` is one item of the array "spans".
    void add(std::string_view span);
    // The oldest spans, if there are any.
    std::optional<Batch> take();
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool has_full_batch() const {
        return batches_.size() > 1 || size_ >= limits_.batch;
    }

    // Called when there is a first span, and when there are enough for a batch.
    std::function<void()> on_spans;

 private:
    // A span is smaller on average. Callers choose some of its texts.
    static constexpr size_t kBytesPerSpan = 2048;

    Limits limits_;
    SpanTally tally_;
    std::deque<Batch> batches_;  // each full, but for the last one
    size_t size_ = 0;
    size_t bytes_ = 0;
};

}  // namespace gateway

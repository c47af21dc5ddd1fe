#include "core/tracing/span_queue.h"

#include <utility>

namespace gateway {

std::string_view name_of(SpanFate fate) {
    switch (fate) {
        case SpanFate::exported: return "exported";
        case SpanFate::queue_full: return "queue_full";
        case SpanFate::rejected: return "rejected";
        case SpanFate::undelivered: return "undelivered";
        case SpanFate::exit: return "exit";
    }
    return "";
}

void SpanQueue::add(std::string_view span) {
    if (size_ >= limits_.spans || bytes_ + span.size() > limits_.spans * kBytesPerSpan) {
        tally_(SpanFate::queue_full, 1);
        return;
    }
    if (batches_.empty() || batches_.back().count >= limits_.batch) {
        batches_.emplace_back();
    }
    Batch &batch = batches_.back();
    if (!batch.spans.empty()) {
        batch.spans += ',';
    }
    batch.spans += span;
    ++batch.count;
    ++size_;
    bytes_ += span.size();
    if (on_spans && (size_ == 1 || batch.count == limits_.batch)) {
        on_spans();
    }
}

std::optional<SpanQueue::Batch> SpanQueue::take() {
    if (batches_.empty()) {
        return std::nullopt;
    }
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    size_ -= batch.count;
    bytes_ -= batch.spans.size() - (batch.count - 1);  // without the commas
    return batch;
}

}  // namespace gateway

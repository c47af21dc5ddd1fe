// Sends the spans of one worker to a collector, as OTLP/HTTP JSON. No request waits for it.
//
//   empty --(a span)--> collecting --(a full batch, the interval, the exit)--> sending
//                                       ^----(delivered, or given up)-----------'  |
//                                       (failed: sent again after a pause) <-------'
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/ports.h"
#include "core/tracing/span_queue.h"

namespace gateway {

struct ExportRules {
    std::string url;
    std::string ca_file;  // empty: the system's
    std::string service = "image-gateway";
    SpanQueue::Limits limits;
    Milliseconds interval{5'000};
};

class SpanExporter {
 public:
    // All that these refer to must outlive the exporter.
    struct Parts {
        const Clock &clock;
        EventLoop &loop;
        Random &random;
        UpstreamClient &upstream;
        Log &log;
        bool (*is_ending)();  // whether the process was told to quit
    };

    // The queue must outlive the exporter.
    SpanExporter(const ExportRules &rules, SpanQueue &queue, Parts parts, SpanTally tally);
    // Spans that are left count as dropped.
    ~SpanExporter();
    SpanExporter(const SpanExporter &) = delete;
    SpanExporter &operator=(const SpanExporter &) = delete;

    // A worker that was told to quit gives up after this time.
    static constexpr Milliseconds kExitBound{4'000};

 private:
    [[nodiscard]] Milliseconds at_once() const;
    void on_spans();
    void on_alarm();
    void take_batch();
    void send();
    void on_response(const HttpResponse &response);
    void on_delivered(const HttpResponse &response);
    void try_later(const HttpResponse &response, const std::string &problem);
    void end_batch(SpanFate fate);
    void give_up();
    void complain(const std::string &problem);
    [[nodiscard]] bool is_busy() const { return call_ != nullptr || batch_ > 0; }

    const ExportRules &rules_;
    SpanQueue &queue_;
    Parts parts_;
    SpanTally tally_;
    std::string head_;  // of each document
    std::unique_ptr<Alarm> alarm_;
    Milliseconds waiting_since_{0};
    size_t batch_ = 0;  // spans in the document that is being sent; 0: none is
    Bytes document_;
    int tries_ = 0;     // of this document
    int failures_ = 0;  // in a row, of all documents
    Milliseconds again_at_{0};
    std::optional<Milliseconds> ending_since_;
    std::optional<Milliseconds> complained_;
    size_t lost_ = 0;  // since the last complaint
    std::unique_ptr<UpstreamCall> call_;
};

}  // namespace gateway

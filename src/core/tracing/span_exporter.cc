#include "core/tracing/span_exporter.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/document.h"
#include "core/random.h"
#include "core/tracing/span.h"

namespace gateway {

namespace {

constexpr Milliseconds kLook{1'000};  // how often it is looked whether the process ends
constexpr Milliseconds kPatience{5'000};
constexpr Milliseconds kKeepAlive{4'000};
constexpr Milliseconds kFirstPause{1'000};
constexpr Milliseconds kLongestPause{30'000};
constexpr Milliseconds kComplainAgain{60'000};
constexpr int kMaxTries = 5;
constexpr size_t kLargestAnswer = size_t{64} * 1024;

// Those that OTLP names.
bool may_be_sent_again(int status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

bool is_success(int status) {
    return status >= 200 && status < 300;
}

std::optional<Milliseconds> retry_after(const HttpResponse &response) {
    const std::string_view text = response.header("retry-after");
    int64_t seconds = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool is_number =
        error == std::errc() && stop == text.data() + text.size() && seconds >= 0;
    const int64_t longest = kLongestPause.count() / 1000;
    return is_number ? std::optional(Milliseconds(std::min(seconds, longest) * 1000))
                     : std::nullopt;
}

// How many spans the collector says it did not take, although it took the document.
size_t rejected_spans(const HttpResponse &response) {
    const auto document =
        JsonDocument::read(response.body.outline, kProvidersJson, &response.body.strings);
    if (!document) {
        return 0;
    }
    const JsonValue count = document->root()["partialSuccess"]["rejectedSpans"];
    int64_t number = count.integer().value_or(0);
    const std::string_view text = count.string();
    std::from_chars(text.data(), text.data() + text.size(), number);
    return static_cast<size_t>(std::max<int64_t>(0, number));
}

std::string spans_of(size_t count) {
    return std::to_string(count) + (count == 1 ? " span" : " spans");
}

}  // namespace

// The alarm lets a process that was told to quit wait for the spans.
SpanExporter::SpanExporter(const ExportRules &rules, SpanQueue &queue, Parts parts, SpanTally tally)
    : rules_(rules),
      queue_(queue),
      parts_(parts),
      tally_(std::move(tally)),
      head_(write_spans_head(rules.service)),
      alarm_(parts_.loop.make_alarm([this] { on_alarm(); }, TimerKind::holds_exit)) {
    queue_.on_spans = [this] { on_spans(); };
}

SpanExporter::~SpanExporter() {
    queue_.on_spans = nullptr;
    try {
        give_up();
    } catch (...) {  // a count that there is no memory for
    }
}

// A process that was told to quit waits for timers, and not for the next turn of the loop.
Milliseconds SpanExporter::at_once() const {
    return Milliseconds(parts_.is_ending() ? 1 : 0);
}

void SpanExporter::on_spans() {
    if (queue_.size() == 1) {
        waiting_since_ = parts_.clock.now();
    }
    if (!is_busy()) {
        alarm_->set(queue_.has_full_batch() ? at_once() : std::min(kLook, rules_.interval));
    }
}

void SpanExporter::on_alarm() {
    const Milliseconds now = parts_.clock.now();
    if (parts_.is_ending()) {
        ending_since_ = ending_since_.value_or(now);
        if (now - *ending_since_ >= kExitBound) {
            give_up();
            return;
        }
    }
    const bool is_ending = ending_since_.has_value();
    alarm_->set(kLook);
    if (call_ != nullptr) {
        return;
    }
    if (batch_ == 0) {
        const Milliseconds due = queue_.has_full_batch()
                                     ? again_at_
                                     : std::max(again_at_, waiting_since_ + rules_.interval);
        if (queue_.size() == 0) {
            alarm_->unset();
            ending_since_.reset();  // requests may still make spans
        } else if (now >= due || is_ending) {
            take_batch();
            send();
        } else {
            alarm_->set(std::min(kLook, due - now));
        }
    } else if (now >= again_at_ || is_ending) {
        send();
    } else {
        alarm_->set(std::min(kLook, again_at_ - now));
    }
}

void SpanExporter::take_batch() {
    auto batch = queue_.take();
    waiting_since_ = parts_.clock.now();
    tries_ = 0;
    document_ = Bytes();
    document_.append(head_);
    document_.append(std::move(batch->spans));
    document_.append(std::string(kSpansTail));
    batch_ = batch->count;
}

// It has no traceparent: exporting spans makes none.
void SpanExporter::send() {
    ++tries_;
    HttpCall call;
    call.url = rules_.url;
    call.ca_file = rules_.ca_file;
    call.add_header("Content-Type", "application/json");
    call.add_header("Accept", "application/json");
    call.body = CallBody(document_);
    call.is_native = true;
    call.timeouts = {kPatience, kPatience, kPatience, kPatience, kKeepAlive};
    call.answer_max = kLargestAnswer;
    call_ = parts_.upstream.start(std::move(call),
                                  [this](const HttpResponse &response) { on_response(response); });
}

void SpanExporter::on_response(const HttpResponse &response) {
    const auto call = std::move(call_);
    alarm_->set(at_once());
    const bool has_status = response.end == TransferEnd::answered ||
                            (response.end == TransferEnd::too_large && response.status != 0);
    if (!has_status) {
        try_later(response, response.problem);
    } else if (is_success(response.status)) {
        on_delivered(response);
    } else if (may_be_sent_again(response.status)) {
        try_later(response, "it answers with status " + std::to_string(response.status));
    } else {
        const std::string problem = "it answers with status " + std::to_string(response.status);
        end_batch(SpanFate::rejected);
        complain(problem);
    }
}

void SpanExporter::on_delivered(const HttpResponse &response) {
    failures_ = 0;
    again_at_ = Milliseconds(0);
    const size_t rejected = std::min(batch_, rejected_spans(response));
    batch_ -= rejected;
    if (batch_ > 0) {
        end_batch(SpanFate::exported);
    }
    if (rejected > 0) {
        lost_ += rejected;
        tally_(SpanFate::rejected, rejected);
        complain("it rejects " + spans_of(rejected));
    }
    document_ = Bytes();
}

void SpanExporter::try_later(const HttpResponse &response, const std::string &problem) {
    ++failures_;
    if (tries_ >= kMaxTries || parts_.is_ending()) {
        end_batch(SpanFate::undelivered);
    }
    const int doublings = std::min(failures_ - 1, 5);
    const Milliseconds pause = std::min(kLongestPause, kFirstPause * (1 << doublings));
    const Milliseconds drawn = random_time(pause / 2, pause, parts_.random);
    again_at_ = parts_.clock.now() + std::max(drawn, retry_after(response).value_or(drawn));
    // A kept connection that the collector has closed is nothing to complain about.
    if (tries_ > 1 || batch_ == 0) {
        complain(problem);
    }
}

void SpanExporter::end_batch(SpanFate fate) {
    const size_t spans = std::exchange(batch_, 0);
    document_ = Bytes();
    lost_ += fate == SpanFate::exported ? 0 : spans;
    tally_(fate, spans);
}

// The process ends.
void SpanExporter::give_up() {
    call_.reset();
    alarm_->unset();
    ending_since_.reset();
    size_t left = std::exchange(batch_, 0);
    while (const auto batch = queue_.take()) {
        left += batch->count;
    }
    if (left > 0) {
        tally_(SpanFate::exit, left);
        parts_.log.write(LogLevel::warn, "image gateway: the worker ends and drops " +
                                             spans_of(left) + " that were not exported");
    }
}

void SpanExporter::complain(const std::string &problem) {
    const Milliseconds now = parts_.clock.now();
    if (complained_ && now - *complained_ < kComplainAgain) {
        return;
    }
    complained_ = now;
    parts_.log.write(LogLevel::error, "image gateway: spans cannot be exported to " + rules_.url +
                                          ": " + problem + "; dropped " +
                                          spans_of(std::exchange(lost_, 0)) +
                                          " since the last such line");
}

}  // namespace gateway

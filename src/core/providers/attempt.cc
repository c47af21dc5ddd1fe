#include "core/providers/attempt.h"

#include <algorithm>
#include <utility>

#include "core/net/origin.h"
#include "core/providers/callers_words.h"
#include "core/providers/error_response.h"
#include "core/providers/raw_exchange.h"

namespace gateway {

namespace {

// The request's deadline has a timer of its own, which must fire before the timeouts here.
constexpr Milliseconds kGrace{1'000};
constexpr Milliseconds kLongestPoll{30'000};
constexpr size_t kMaxOfCancel = size_t{64} * 1024;
constexpr Milliseconds kLongestCancel{5'000};

}  // namespace

Attempt::Attempt(const Ports &ports, const ProviderRequest &request, Limits limits,
                 Listener listener)
    : ports_(ports),
      request_(request),
      limits_(std::move(limits)),
      listener_(std::move(listener)),
      began_(ports.clock.now()) {}

std::unique_ptr<Attempt> Attempt::start(const Ports &ports, const ProviderRequest &request,
                                        Limits limits, Listener listener) {
    std::unique_ptr<Attempt> attempt(
        new Attempt(ports, request, std::move(limits), std::move(listener)));
    Work work = request.provider.dialect->begin(request);
    if (auto *call = std::get_if<HttpCall>(&work)) {
        attempt->call(std::move(*call));
    } else {
        attempt->work(std::get<LocalWork>(std::move(work)));
    }
    return attempt;
}

std::unique_ptr<Attempt> Attempt::resume(const Ports &ports, const ProviderRequest &request,
                                         Limits limits, Listener listener, Job job,
                                         std::optional<int64_t> seed) {
    std::unique_ptr<Attempt> attempt(
        new Attempt(ports, request, std::move(limits), std::move(listener)));
    attempt->seed_ = seed;
    attempt->listener_.on_job = nullptr;  // it is known
    if (attempt->limits_.keeps_raw) {
        attempt->raw_ = std::make_unique<RawExchange>();
    }
    attempt->follow(std::move(job));
    return attempt;
}

Attempt::~Attempt() {
    cancel_job();
}

bool Attempt::may_be_billed() const {
    return local_ || job_.has_value() || (call_ != nullptr && call_->is_sent());
}

void Attempt::hold(bool held) {
    if (call_ != nullptr) {
        call_->hold(held);
    }
}

// ---- a call

void Attempt::call(HttpCall call) {
    call = set_up(std::move(call), provider().timeouts.total);
    seed_ = call.seed;
    if (limits_.keeps_raw) {
        raw_ =
            std::make_unique<RawExchange>(RawExchange{show_request(call, provider().secrets), ""});
    }
    CallListener to_call;
    to_call.on_response = [this](const HttpResponse &response) { on_response(response); };
    const StreamApi *stream = dialect().stream();
    if (listener_.on_preview && stream != nullptr && stream->streams(request_.params)) {
        to_call.on_event = [this](const ServerEvent &event) { on_event(event); };
    }
    if (listener_.on_piece && dialect().can_pass_through()) {
        to_call.on_piece = listener_.on_piece;
    }
    call_ = ports_.upstream.start(std::move(call), std::move(to_call));
}

HttpCall Attempt::set_up(HttpCall call, Milliseconds total) const {
    const Milliseconds left = limits_.total + kGrace - (ports_.clock.now() - began_);
    call.timeouts = provider().timeouts;
    call.timeouts.total = std::max(Milliseconds(1), std::min(total, left));
    call.answer_max = provider().answer_max != 0 ? provider().answer_max : limits_.answer_max;
    call.is_native = provider().has_native_http;
    call.traffic = limits_.traffic;
    call.memory = limits_.memory;
    call.proxy = provider().proxy;
    call.ca_file = provider().ca_file;
    return call;
}

void Attempt::on_response(const HttpResponse &response) {
    if (streamed_ || response.streamed) {
        on_stream_end(response);
        return;
    }
    if (response.end != TransferEnd::answered) {
        end(judge_transfer_end(response), nullptr);
        return;
    }
    Outcome outcome = dialect().read(response);
    if (outcome.type == OutcomeType::pending && dialect().jobs() != nullptr) {
        follow(std::move(outcome.job));
        return;
    }
    end(std::move(outcome), &response);
}

// ---- a stream

void Attempt::begin_stream() {
    if (!streamed_) {
        streamed_.emplace(limits_.images, limits_.previews);
    }
}

void Attempt::on_event(const ServerEvent &event) {
    begin_stream();
    if (streamed_->has_ended()) {
        return;  // events after the end are ignored
    }
    if (raw_ != nullptr) {
        show_event(event);
    }
    StreamCollector::Report news = streamed_->take(dialect().stream()->read_event(event));
    if (auto *preview = std::get_if<Preview>(&news)) {
        listener_.on_preview(std::move(*preview));
    } else if (auto *image = std::get_if<ImageResult>(&news)) {
        listener_.on_image(std::move(*image));
    }
    if (streamed_->is_complete()) {
        end(streamed_->take_outcome(), nullptr);
    }
}

// Of a long stream only the first events are kept.
void Attempt::show_event(const ServerEvent &event) {
    constexpr size_t kMaxShown = size_t{64} * 1024;
    if (raw_->response.size() < kMaxShown) {
        raw_->response += raw_->response.empty() ? "[" : ",";
        raw_->response += gateway::show_event(event, provider().secrets);
    }
}

void Attempt::on_stream_end(const HttpResponse &response) {
    if (streamed_ && streamed_->has_ended()) {
        return;
    }
    const bool whole = response.end == TransferEnd::answered;
    begin_stream();
    Outcome outcome = streamed_->take_outcome();
    end(whole ? std::move(outcome) : judge_transfer_end(response), nullptr);
}

// ---- a job that is polled

bool Attempt::has_own_addresses(const Provider &provider, const Job &job) {
    const JobApi *jobs = provider.dialect->jobs();
    const auto is_own = [&](const std::string &url) {
        return is_own_address(url, provider.url, jobs->rules().own_hosts);
    };
    return jobs != nullptr && is_own(job.poll_url) &&
           (job.result_url.empty() || is_own(job.result_url));
}

void Attempt::follow(Job job) {
    const JobApi &jobs = *dialect().jobs();
    if (!is_own_address(job.cancel_url, provider().url, jobs.rules().own_hosts)) {
        job.cancel_url.clear();
    }
    job_ = std::move(job);
    if (!has_own_addresses(provider(), *job_)) {
        Outcome outcome;
        outcome.type = OutcomeType::unknown;
        outcome.error.code = "poll_url_refused";
        outcome.error.message =
            "the provider accepted the job, but its polling URL is at a host that must not get the "
            "key";
        end(std::move(outcome), nullptr);
        return;
    }
    const auto ask = [this, &jobs] { return set_up(jobs.poll(request_, *job_), kLongestPoll); };
    Poller::Ask fetch;
    if (!job_->result_url.empty()) {
        fetch = [this, &jobs] { return set_up(jobs.fetch(request_, *job_), kLongestPoll); };
    }
    const auto read = [&jobs](const HttpResponse &response, JsonValue root, OutcomeType state) {
        return jobs.read_job(response, root, state);
    };
    poller_ = std::make_unique<Poller>(
        ports_, jobs.rules(), job_->again, ask, read,
        [this](const HttpResponse &response, Outcome outcome) {
            on_poll_end(response, std::move(outcome));
        },
        std::move(fetch));
    const Milliseconds left = provider().timeouts.total - (ports_.clock.now() - began_);
    timer_ = ports_.loop.start_timer(std::max(left, Milliseconds(0)), [this] { on_too_long(); });
    if (listener_.on_job) {
        listener_.on_job(*job_, seed_);
    }
}

void Attempt::on_poll_end(const HttpResponse &response, Outcome outcome) {
    timer_.reset();
    if (outcome.type == OutcomeType::made && !outcome.result.cost) {
        outcome.result.cost = job_->cost;  // known since the submit; a failed job is not billed
    }
    if (outcome.type != OutcomeType::unknown) {
        job_.reset();  // the provider has reported its end: there is nothing to cancel
    }
    end(std::move(outcome), &response);
}

void Attempt::on_too_long() {
    const bool is_our_doing = poller_ != nullptr && poller_->is_delayed();
    poller_.reset();
    cancel_job();
    Outcome outcome;
    outcome.type = OutcomeType::unknown;
    outcome.error.code = kTimedOutCode;
    outcome.error.message = "the provider accepted the job, but did not finish it in time";
    outcome.is_our_doing = is_our_doing;
    end(std::move(outcome), nullptr);
}

void Attempt::leave_job() noexcept {
    poller_.reset();
    timer_.reset();
    job_.reset();
}

void Attempt::cancel_job() noexcept {
    if (!job_) {
        return;
    }
    try {
        if (auto call = dialect().jobs()->cancel(request_, *job_)) {
            HttpCall ready = set_up(std::move(*call), kLongestCancel);
            ready.timeouts.total = kLongestCancel;
            // Nobody waits for the response: it is small, and counts for no request's memory.
            ready.memory = nullptr;
            ready.traffic = nullptr;
            ready.answer_max = kMaxOfCancel;
            ports_.upstream.send_off(std::move(ready));
        }
    } catch (...) {
        job_.reset();  // it is not cancelled then, and counts as billed
        return;
    }
    job_.reset();
}

void Attempt::end(Outcome &&outcome, const HttpResponse *response) {
    if (raw_ != nullptr && (response != nullptr || streamed_)) {
        if (response != nullptr) {
            raw_->response = show_response(*response, provider().secrets);
        } else if (!raw_->response.empty()) {
            raw_->response += "]";
        }
        outcome.raw = std::move(raw_);
    }
    if (response != nullptr && outcome.type != OutcomeType::made && !outcome.retry_after) {
        outcome.retry_after = read_retry_after(*response, ports_.clock.unix_seconds());
    }
    distrust_callers_words(outcome, request_);
    add_what_was_sent(outcome.result);
    listener_.on_outcome(std::move(outcome));
}

// Adds the seed that was sent where the response has none, and removes a "revised" prompt that is
// the requested one.
void Attempt::add_what_was_sent(ImageResult &result) const {
    for (Image &image : result.images) {
        if (image.revised_prompt == request_.params.text(Param::prompt)) {
            image.revised_prompt.clear();
        }
    }
    // Of several images, providers do not say which one a seed makes again.
    if (result.images.size() == 1 && !result.images.front().seed) {
        result.images.front().seed = seed_;
    }
}

// ---- local work

void Attempt::work(LocalWork work) {
    local_ = true;
    local_work_ = std::move(work);
    if (!listener_.on_preview) {
        local_work_.previews.clear();
    }
    draw_previews();
}

// Draws each preview and then the image, each after an equal part of the delay. There is always a
// timer, so that no outcome comes before start() has returned.
void Attempt::draw_previews() {
    const auto steps = static_cast<int64_t>(local_work_.previews.size() + 1);
    timer_ = ports_.loop.start_timer(local_work_.delay / steps, [this] {
        if (previews_drawn_ == local_work_.previews.size()) {
            run_work();
            return;
        }
        auto preview = std::make_shared<Preview>();
        run_task([preview,
                  draw = std::move(local_work_.previews[previews_drawn_])] { *preview = draw(); },
                 [this, preview] {
                     const auto task = std::move(task_);
                     ++previews_drawn_;
                     if (!preview->image.content.empty()) {
                         listener_.on_preview(std::move(*preview));
                     }
                     draw_previews();
                 });
    });
}

void Attempt::run_work() {
    auto outcome = std::make_shared<Outcome>();
    run_task([outcome, make = std::move(local_work_.make)] { *outcome = make(); },
             [this, outcome] {
                 Outcome ended = std::move(*outcome);
                 listener_.on_outcome(std::move(ended));
             });
}

void Attempt::run_task(std::function<void()> work, std::function<void()> done) {
    task_ = ports_.tasks.run(std::move(work), std::move(done));
    if (task_ == nullptr) {
        Outcome outcome;
        outcome.type = OutcomeType::broken;
        outcome.error.code = "task_pool_full";
        outcome.error.message = "the task pool is full";
        listener_.on_outcome(std::move(outcome));
    }
}

}  // namespace gateway

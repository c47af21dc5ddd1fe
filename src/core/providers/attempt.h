// One try of one candidate with one key: a call (and polls, where the provider answers before the
// picture is there) or local work, and at last an Outcome. Letting go of it cancels it, at the
// provider too where that can be.
#pragma once

#include <functional>
#include <memory>

#include "core/ports.h"
#include "core/providers/dialect.h"
#include "core/providers/polling.h"
#include "core/providers/stream_collector.h"
#include "core/rare.h"

namespace gateway {

class Attempt {
 public:
    struct Limits {
        Milliseconds total{0};  // what is left until the deadline
        size_t answer_max = 0;
        bool keeps_raw = false;  // keep request and response for the client
        std::shared_ptr<RequestMemory> memory = nullptr;  // what answers count for
        int64_t images = 1;                               // that are asked for
        int64_t previews = 0;                             // of each of them
    };

    // Who hears of it. Never from within start(); and only the last may let go of it.
    struct Listener {
        // Of a stream, before its outcome: what a picture looks like so far, and one that is done
        // while others are not. None: no stream is wanted.
        std::function<void(Preview)> on_preview;
        std::function<void(ImageResult)> on_image;
        // Of a picture that comes alone: its base64, as it comes. None: it is wanted whole.
        std::function<void(Bytes)> on_piece;
        std::function<void(Outcome)> on_outcome;  // exactly once
    };

    // What the request refers to outlives the attempt.
    static std::unique_ptr<Attempt> start(const Ports &ports, const ProviderRequest &request,
                                          Limits limits, Listener listener);

    Attempt(const Attempt &) = delete;
    Attempt &operator=(const Attempt &) = delete;
    ~Attempt();

    // Whether somebody may be at work on it, and want money for it, if it were let go of now.
    [[nodiscard]] bool may_be_billed() const;
    // What comes before the outcome is wanted no faster just now, or is again.
    void hold(bool held);

 private:
    Attempt(const Ports &ports, const ProviderRequest &request, Limits limits, Listener listener);
    void call(HttpCall call);
    HttpCall set_up(HttpCall call, Milliseconds total) const;
    void on_response(const HttpResponse &response);
    void on_event(const ServerEvent &event);
    void begin_stream();
    void show_event(const ServerEvent &event);
    void on_stream_end(const HttpResponse &response);
    void follow(Job job);
    void on_poll_end(const HttpResponse &response, Outcome outcome);
    void on_too_long();
    void work(LocalWork work);
    void draw_previews();
    void run_work();
    void run_task(std::function<void()> work, std::function<void()> done);
    void end(Outcome outcome, const HttpResponse *response);
    void add_what_was_sent(ImageResult &result) const;
    void cancel_job() noexcept;

    [[nodiscard]] const Provider &provider() const { return request_.provider; }
    [[nodiscard]] const Dialect &dialect() const { return *request_.provider.dialect; }

    const Ports &ports_;
    ProviderRequest request_;
    Limits limits_;
    Listener listener_;
    Milliseconds began_;
    Rare<StreamCollector> streamed_;  // so far, where the answer is a stream
    std::unique_ptr<RawExchange> raw_;
    std::optional<int64_t> seed_;  // that the call asked for
    std::unique_ptr<UpstreamCall> call_;
    Rare<Job> job_;  // taken by the provider, and not ended yet
    std::unique_ptr<Poller> poller_;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    bool local_ = false;  // made here
    LocalWork local_work_;
    size_t previews_drawn_ = 0;
};

}  // namespace gateway

// One try of one call with one provider key. It sends a request (and polls, where the provider
// takes a job) or does local work, and ends in an Outcome. To destroy it cancels it, at the
// provider too if its API can do that.
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
        Milliseconds total{0};  // until the request's deadline
        size_t answer_max = 0;
        bool keeps_raw = false;  // keep request and response for the client
        std::shared_ptr<RequestMemory> memory = nullptr;  // counts what the responses hold
        int64_t images = 1;                               // requested
        int64_t previews = 0;                             // of each of them
        Traffic *traffic = nullptr;  // counts the bytes of all calls; must outlive the attempt
    };

    // Called as the attempt goes on, but not from within start(). Only on_outcome may destroy the
    // attempt.
    struct Listener {
        // Previews and finished images of a stream, before its outcome. Without on_preview no
        // stream is requested.
        std::function<void(Preview)> on_preview;
        std::function<void(ImageResult)> on_image;
        // Base64 of a single image, while it arrives. If unset, the image comes with the outcome.
        std::function<void(Bytes)> on_piece;
        std::function<void(Outcome &&)> on_outcome;  // exactly once
        // The provider has taken the request as a job. `seed` is the one that was sent.
        std::function<void(const Job &, std::optional<int64_t> seed)> on_job;
    };

    // All that `request` refers to must outlive the attempt.
    static std::unique_ptr<Attempt> start(const Ports &ports, const ProviderRequest &request,
                                          Limits limits, Listener listener);

    // Goes on with a job that another process has submitted. Its addresses must be the provider's.
    static std::unique_ptr<Attempt> resume(const Ports &ports, const ProviderRequest &request,
                                           Limits limits, Listener listener, Job job,
                                           std::optional<int64_t> seed);
    // Whether all addresses at which the job is polled may get the provider's key.
    static bool has_own_addresses(const Provider &provider, const Job &job);

    Attempt(const Attempt &) = delete;
    Attempt &operator=(const Attempt &) = delete;
    ~Attempt();

    // Whether the provider may be working on it, and may bill it, if it were cancelled now.
    [[nodiscard]] bool may_be_billed() const;
    // Whether a poll has found its job running.
    [[nodiscard]] bool has_seen_running() const {
        return poller_ != nullptr && poller_->has_seen_running();
    }
    // The job goes on without this attempt: another process polls it.
    void leave_job() noexcept;
    // Pauses or resumes the response while it streams or is passed through.
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
    void end(Outcome &&outcome, const HttpResponse *response);
    void add_what_was_sent(ImageResult &result) const;
    void cancel_job() noexcept;

    [[nodiscard]] const Provider &provider() const { return request_.provider; }
    [[nodiscard]] const Dialect &dialect() const { return *request_.provider.dialect; }

    const Ports &ports_;
    ProviderRequest request_;
    Limits limits_;
    Listener listener_;
    Milliseconds began_;
    Rare<StreamCollector> streamed_;  // if the response is a stream
    std::unique_ptr<RawExchange> raw_;
    std::optional<int64_t> seed_;  // that was sent
    std::unique_ptr<UpstreamCall> call_;
    Rare<Job> job_;  // that the provider accepted and that has not ended
    std::unique_ptr<Poller> poller_;
    std::unique_ptr<Timer> timer_;
    std::unique_ptr<Task> task_;
    bool local_ = false;  // it is local work
    LocalWork local_work_;
    size_t previews_drawn_ = 0;
};

}  // namespace gateway

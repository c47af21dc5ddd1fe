// Makes one of the calls for a candidate: tries provider keys and repeats the call until an outcome
// ends it.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/providers/attempt.h"
#include "core/rare.h"
#include "core/routing/attempt_context.h"
#include "core/routing/prepare.h"
#include "core/routing/resumption.h"

namespace gateway {

class Lane {
 public:
    // `number` is the index of the call among the prepared calls. `on_end` is called at the end,
    // but never from within start().
    Lane(const AttemptContext &context, const Candidate &candidate, const Target &target,
         const Prepared &prepared, size_t number, std::function<void()> on_end);
    ~Lane();
    Lane(const Lane &) = delete;
    Lane &operator=(const Lane &) = delete;

    // Returns nothing if the lane has started, or why it could not. Then it may be tried later.
    std::optional<Hindered> start();
    // After it ended as throttled: the time to wait before start_again(). Nothing if it may not
    // start again.
    [[nodiscard]] std::optional<Milliseconds> may_start_again_in() const;
    std::optional<Hindered> start_again();
    // Goes on with a job that another process has submitted. Returns false if that is impossible.
    bool resume(const TakenCall &taken);
    // Another process has made this call, and its outcome is not known.
    void lose();
    // The job goes on: another process polls it.
    void leave_job() noexcept;
    // From now on, the caller of this function is responsible for the images of this lane.
    void hand_over() noexcept { at_risk_ = 0; }
    // The deadline has passed: cancels the attempt in progress and records it.
    void expire();
    // Cancels the lane because nobody waits for it.
    void drop() noexcept;
    // Pauses or resumes the provider's response.
    void hold(bool held);
    // Gives its images to the tray's listener while other calls are still in progress.
    void announce_images();

    [[nodiscard]] bool running() const { return attempt_ != nullptr || pause_ != nullptr; }
    // Its last outcome. Empty if it has not ended.
    [[nodiscard]] const Rare<Outcome> &end() const { return end_; }
    [[nodiscard]] Rare<Outcome> &end() { return end_; }
    // Whether an attempt before the last one may be billed. A repeated call is not billed twice.
    [[nodiscard]] bool may_be_billed_before() const { return perhaps_billed_ > 0; }
    // Whether the client has got a preview, an image or a piece of it.
    [[nodiscard]] bool has_shown() const { return shown_; }
    [[nodiscard]] size_t number() const { return number_; }
    [[nodiscard]] const CallShare &share() const { return prepared_.calls[number_]; }

 private:
    struct KeyChoice {
        std::optional<size_t> place;       // in keys_
        std::optional<Milliseconds> wait;  // otherwise: until the first key stops resting
    };
    [[nodiscard]] KeyChoice choose_key() const;
    // Uses the chosen key, or chooses one.
    std::optional<Hindered> try_once(std::optional<KeyChoice> chosen = std::nullopt);
    [[nodiscard]] Attempt::Listener listener();
    [[nodiscard]] ProviderRequest begin_request();
    void count_attempt(const CallTicket &ticket);
    void note_job(const Job &job, std::optional<int64_t> seed);
    void give_image(ImageResult one);
    void hand_on(Slot &slot);
    void put_images();
    [[nodiscard]] Usage usage_of_call() const;
    void on_outcome(Outcome &&outcome);
    void leave(Verdict verdict) noexcept;
    void risk(int64_t images) noexcept;
    void record(const Outcome &outcome, bool may_be_billed);
    void tell_end(const AttemptRecord &record, std::string_view message, bool dropped,
                  const Usage *usage = nullptr) noexcept;
    void rest_key(const Outcome &outcome) noexcept;
    bool pause_and_retry(const Outcome &outcome);
    void finish(Outcome &&outcome);
    [[nodiscard]] const Provider &provider() const { return *candidate_.provider; }

    const AttemptContext &context_;
    const Candidate &candidate_;
    const Target &target_;
    const Prepared &prepared_;
    size_t number_;
    std::function<void()> on_end_;

    // In the order in which the keys are tried. A provider without keys is treated as one with a
    // single key that has no name.
    struct KeyInOrder {
        const ProviderKey *key;
        std::array<Account, 2> names;  // of the key, and of the key for this model
        bool failed = false;
    };
    [[nodiscard]] KeyInOrder in_order(const ProviderKey *key, const Account &account) const {
        return {key, {account, both(account, target_.model)}};
    }
    std::vector<KeyInOrder> keys_;
    size_t key_ = 0;
    std::string idempotency_key_;  // empty: the provider does not support it
    std::optional<CallTicket> ticket_;
    Milliseconds first_began_{0};
    Milliseconds ended_{0};
    Milliseconds attempt_began_{0};
    SpanId span_{};    // of the attempt
    Traffic traffic_;  // of the attempt
    int attempts_ = 0;
    bool is_watched_ = false;             // the watcher knows a job of the attempt in progress
    const TakenCall *resumed_ = nullptr;  // not null: no other attempt may begin
    bool shown_ = false;
    int64_t images_given_ = 0;  // to the tray's listener, before the end
    bool announced_ = false;    // all its images were given
    int64_t at_risk_ = 0;       // this lane's part of the history's images at risk
    int64_t perhaps_billed_ =
        0;  // images, by a call that may be repeated without being billed twice
    std::unique_ptr<Attempt> attempt_;
    std::unique_ptr<Attempt> finished_;  // kept until its callback has returned
    std::unique_ptr<Timer> pause_;
    Rare<Outcome> last_;
    Rare<Outcome> end_;
};

}  // namespace gateway
